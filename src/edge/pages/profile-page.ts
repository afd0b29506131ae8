/** What strangers see of a person, a post and a hashtag: enough to read it, and nothing that only members may see. */
import type { AccountView, StatusView } from '../../hydration/contract.ts'
import type { Account } from '../../mastodon/account.ts'
import { presentAccount } from '../../mastodon/account.ts'
import type { Site } from '../../mastodon/site.ts'
import type { Status } from '../../mastodon/status.ts'
import { ANONYMOUS, presentStatus } from '../../mastodon/status.ts'
import { html, rendered } from './html.ts'
import type { Html } from './html.ts'
import { page } from './layout.ts'

export function profilePage(server: string, view: AccountView, posts: readonly StatusView[], site: Site): Html {
  const account = presentAccount(view, site)
  return page(
    { server, title: nameOf(account), wide: true },
    html`<img class="banner" src="${account.header}" alt="${account.header_description}" />
      <img class="face" src="${account.avatar}" alt="${account.avatar_description}" />
      <h1><bdi>${nameOf(account)}</bdi></h1>
      <p class="quiet">@${account.username}@${site.urls.domain}</p>
      ${rendered(account.note)}
      ${
        account.fields.length > 0 &&
        html`<dl>
          ${account.fields.map(
            (field) =>
              html`<dt>${field.name}</dt>
                <dd>${rendered(field.value)}</dd>`,
          )}
        </dl>`
      }
      <p class="quiet small">
        ${counted(account.statuses_count, 'post', 'posts')} · ${account.following_count} following ·
        ${counted(account.followers_count, 'follower', 'followers')}
      </p>
      ${posts.map((post) => postPart(presentStatus(post, site, ANONYMOUS)))}`,
  )
}

export function statusPage(server: string, view: StatusView, site: Site): Html {
  const status = presentStatus(view, site, ANONYMOUS)
  return page({ server, title: nameOf(status.account), wide: true }, postPart(status))
}

/** `tag` without `#`. */
export function tagPage(server: string, tag: string, posts: readonly StatusView[], site: Site): Html {
  return page(
    { server, title: `#${tag}`, wide: true },
    html`<h1><bdi>#${tag}</bdi></h1>
      ${posts.length === 0 && html`<p class="quiet">Nothing public has this hashtag yet.</p>`}
      ${posts.map((post) => postPart(presentStatus(post, site, ANONYMOUS)))}`,
  )
}

function postPart(status: Status): Html {
  const shown = status.reblog ?? status
  const { account } = shown
  return html`<article class="post">
    ${status.reblog !== null && html`<p class="quiet small"><bdi>${nameOf(status.account)}</bdi> boosted</p>`}
    <p>
      <a href="${account.url}"
        ><strong><bdi>${nameOf(account)}</bdi></strong></a
      >
      <span class="quiet">@${account.acct}</span>
    </p>
    ${
      shown.spoiler_text === ''
        ? bodyPart(shown)
        : html`<details>
            <summary>${shown.spoiler_text}</summary>
            ${bodyPart(shown)}
          </details>`
    }
    <p class="quiet small">
      <a href="${shown.url}"><time datetime="${shown.created_at}">${timeText(shown.created_at)}</time></a>
      · ${counted(shown.replies_count, 'reply', 'replies')} · ${counted(shown.reblogs_count, 'boost', 'boosts')} ·
      ${counted(shown.favourites_count, 'favourite', 'favourites')}
    </p>
  </article>`
}

function bodyPart(status: Status): Html {
  const pictures = status.media_attachments
    .filter((media) => media.type === 'image')
    .map(
      (media) =>
        html`<a href="${media.url}"><img src="${media.preview_url}" alt="${media.description}" loading="lazy" /></a>`,
    )
  const isCovered = status.sensitive && status.spoiler_text === '' && pictures.length > 0
  return html`${rendered(status.content)}${
    isCovered
      ? html`<details>
          <summary>Sensitive pictures</summary>
          ${pictures}
        </details>`
      : pictures
  }`
}

function nameOf(account: Account): string {
  return account.display_name === '' ? `@${account.username}` : account.display_name
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}

function timeText(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`
}

export interface AboutModel {
  title: string
  description: string
  extendedDescription: string
  rules: readonly { text: string; hint: string }[]
  contactEmail: string
}

export function aboutPage(model: AboutModel): Html {
  return page(
    { server: model.title, title: 'About', wide: true },
    html`<h1>About <bdi>${model.title}</bdi></h1>
      <p>${model.description}</p>
      ${rendered(model.extendedDescription)}
      ${
        model.rules.length > 0 &&
        html`<h2>Rules</h2>
          <ol>
            ${model.rules.map((rule) => html`<li>${rule.text} <span class="quiet">${rule.hint}</span></li>`)}
          </ol>`
      }
      ${
        model.contactEmail !== '' &&
        html`<h2>Contact</h2>
          <p><a href="mailto:${model.contactEmail}">${model.contactEmail}</a></p>`
      }
      <p class="links"><a href="/privacy-policy">Privacy policy</a></p>`,
  )
}

export function privacyPage(title: string, content: string): Html {
  return page(
    { server: title, title: 'Privacy policy', wide: true },
    html`<h1>Privacy policy</h1>
      ${rendered(content)}`,
  )
}
