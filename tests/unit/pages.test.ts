import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { KNOWN_SCOPES } from '../../src/accounts/contract.ts'
import { redirectSource } from '../../src/edge/pages/consent-page.ts'
import { frontPage } from '../../src/edge/pages/front-page.ts'
import { html } from '../../src/edge/pages/html.ts'
import { localPath } from '../../src/edge/pages/local-path.ts'
import { errorPage } from '../../src/edge/pages/message-page.ts'
import type { PageSettings } from '../../src/edge/pages/page-settings.ts'
import { scopeLines } from '../../src/edge/pages/scope-words.ts'
import { createSetupLink, opensSetup, SETUP_LINK_LIFE_MS } from '../../src/edge/pages/setup-link.ts'
import { PAGE_ICON, STYLESHEET } from '../../src/edge/pages/stylesheet.ts'

describe('HTML', () => {
  test('escapes every value, pieces of its own excepted', () => {
    const name = `<b>"O'Neil" & co</b>`
    const piece = html`<i>${name}</i>`
    assert.equal(
      html`<p title="${name}">${piece}</p>`.toString(),
      '<p title="&lt;b&gt;&quot;O&#39;Neil&quot; &amp; co&lt;/b&gt;"><i>&lt;b&gt;&quot;O&#39;Neil&quot; &amp; co&lt;/b&gt;</i></p>',
    )
  })

  test('lists are joined, nothing gives nothing, numbers are written out', () => {
    const items = ['a<', 'b']
    assert.equal(html`${items.map((item) => html`<li>${item}</li>`)}`.toString(), '<li>a&lt;</li><li>b</li>')
    assert.equal(html`[${undefined}${null}${false}${[]}${''}]`.toString(), '[]')
    assert.equal(html`${1} ${2n ** 63n}`.toString(), '1 9223372036854775808')
  })
})

describe('paths to return to', () => {
  test('are paths of this server', () => {
    for (const path of [
      '/',
      '/auth/edit',
      '/oauth/authorize?client_id=a&state=%2F%2Fevil&redirect_uri=https%3A%2F%2Fx%2F',
    ]) {
      assert.equal(localPath(path), path)
    }
  })

  test('everything that a browser might take for another host is refused', () => {
    for (const bad of [
      undefined,
      '',
      'auth/edit',
      'https://evil.example/',
      '//evil.example',
      '///evil.example',
      '/\\evil.example',
      '\\/evil.example',
      '/\t/evil.example',
      '/\n/evil.example',
      ' //evil.example',
      '/a\\..\\..\\/evil',
      '/.//evil.example',
      '/..//evil.example',
      '/%0d%0aset-cookie:a=b\r\n',
      'javascript:alert(1)',
      '/ä',
    ]) {
      assert.equal(localPath(bad), undefined, JSON.stringify(bad))
    }
  })
})

describe('the set-up link', () => {
  test('opens with its token, for fifteen minutes', () => {
    const { token, link } = createSetupLink(1_000)
    assert.equal(opensSetup(link, token, 1_000 + SETUP_LINK_LIFE_MS - 1), true)
    assert.equal(opensSetup(link, token, 1_000 + SETUP_LINK_LIFE_MS), false)
    assert.equal(opensSetup(link, `${token}x`, 1_000), false)
    assert.equal(opensSetup(link, '', 1_000), false)
    assert.equal(opensSetup(undefined, token, 1_000), false)
    assert.equal(opensSetup(createSetupLink(1_000).link, token, 1_000), false, 'the link of another start')
    assert.equal(JSON.stringify(link).includes(token), false)
  })
})

test('the content policy names only the origin or scheme that an app registered', () => {
  assert.equal(redirectSource('https://app.example:8443/cb?x=;script-src'), 'https://app.example:8443')
  assert.equal(redirectSource('http://[::1]:9/cb'), 'http://[::1]:9')
  assert.equal(redirectSource('com.tapbots.Ivory.1:/request_token'), 'com.tapbots.Ivory.1:')
  assert.equal(redirectSource('urn:ietf:wg:oauth:2.0:oob'), undefined)
})

test('every known scope is said in words, and the power to moderate is marked', () => {
  const lines = scopeLines(KNOWN_SCOPES)
  assert.equal(new Set(lines.map(({ text }) => text)).size, KNOWN_SCOPES.length)
  for (const [index, { text, isGrave }] of lines.entries()) {
    assert.match(text, /^[A-Z][a-z]+,? \w.+/)
    assert.equal(isGrave, KNOWN_SCOPES[index]?.startsWith('admin') === true)
  }
})

test('files of the pages have their hash in their name', () => {
  assert.match(STYLESHEET.path, /^\/pages\/pages-[0-9a-f]{12}\.css$/)
  assert.match(PAGE_ICON.path, /^\/pages\/bird-[0-9a-f]{12}\.svg$/)
  assert.doesNotMatch(STYLESHEET.text, /https?:|@import|url\(/, 'nothing is fetched from elsewhere')
})

test('an error page says what was wrong, as text', () => {
  const page = errorPage({ title: 'Home' }, 422, '<script>alert(1)</script>').toString()
  assert.doesNotMatch(page, /<script/)
  assert.match(page, /&lt;script&gt;/)
  assert.match(errorPage({ title: 'Home' }, 429, 'Too many requests').toString(), /Wait a few minutes/)
})

describe('the front page', () => {
  const shown = (baseUrl: string) => {
    const settings: PageSettings = {
      title: 'Flock',
      description: '',
      rules: [],
      contactEmail: null,
      registrations: 'open',
      indexableByDefault: true,
      requirePkce: false,
      domain: 'flock.example',
      baseUrl,
    }
    return frontPage({ settings, csrfToken: 'x', username: undefined, isFresh: false }).toString()
  }

  test('gives apps the domain where there is TLS', () => {
    const page = shown('https://flock.example')
    assert.match(page, /<code class="code">flock\.example<\/code>/)
    assert.doesNotMatch(page, /proxy/)
  })

  test('gives the whole address where there is none, and does not promise that any app works', () => {
    const page = shown('http://localhost:3000')
    assert.match(page, /<code class="code">http:\/\/localhost:3000<\/code>/)
    assert.match(page, /Most apps insist on https/)
    assert.doesNotMatch(page, /Any app/)
  })
})
