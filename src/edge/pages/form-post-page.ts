/** `response_mode=form_post` without scripts: the person sends the answer to the app with one more button. */
import { html } from './html.ts'
import type { Html } from './html.ts'
import { page } from './layout.ts'
import type { PageSettings } from './page-settings.ts'

export function formPostPage(
  settings: PageSettings,
  appName: string,
  redirectUri: string,
  answer: Record<string, string>,
): Html {
  const fields = Object.entries(answer)
  return page(
    { server: settings.title, title: 'Back to the app' },
    html`<h1>Back to <bdi>${appName}</bdi></h1>
      <p>
        You go on to <strong><bdi>${new URL(redirectUri).host}</bdi></strong
        >.
      </p>
      <form method="post" action="${redirectUri}">
        ${fields.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
        <button class="full">Continue</button>
      </form>`,
  )
}
