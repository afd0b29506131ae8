import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { cleanDisplayName, cleanText } from '../../src/text/clean.ts'
import { renderField, renderHtml } from '../../src/text/render.ts'
import type { Links } from '../../src/text/render.ts'
import { tokenize } from '../../src/text/tokens.ts'

const links: Links = {
  mentionUrl: (username) => (username.toLowerCase() === 'alice' ? 'https://dunlin.test/@alice' : undefined),
  tagUrl: (name) => `https://dunlin.test/tags/${encodeURIComponent(name)}`,
  localDomain: 'dunlin.test',
}
const html = (text: string): string => renderHtml(tokenize(text), links)

test('paragraphs and line breaks are those of Mastodon', () => {
  assert.equal(html('text'), '<p>text</p>')
  assert.equal(html('a\nb'), '<p>a<br />b</p>')
  assert.equal(html('a\n\nb\n\n\n\nc'), '<p>a</p><p>b</p><p>c</p>')
  assert.equal(html('\n\na\n'), '<p>a</p>')
  assert.equal(html(''), '')
  assert.equal(html('\n\n'), '')
})

test('a mention of a local account is an h-card, and of anyone else plain text', () => {
  const card =
    '<span class="h-card" translate="no"><a href="https://dunlin.test/@alice" class="u-url mention">@<span>alice</span></a></span>'
  assert.equal(html('hi @alice!'), `<p>hi ${card}!</p>`)
  assert.equal(html('@alice@dunlin.test'), `<p>${card}</p>`)
  assert.equal(html('@bob'), '<p>@bob</p>')
  assert.equal(html('@alice@elsewhere.test'), '<p>@alice@elsewhere.test</p>')
})

test('a server whose name has a port is named by mentions with it and without it', () => {
  const local: Links = { ...links, localDomain: 'localhost:3000' }
  const card = renderHtml(tokenize('@alice'), local)
  assert.match(card, /^<p><span class="h-card".*<\/span><\/p>$/)
  assert.equal(renderHtml(tokenize('@alice@localhost:3000'), local), card)
  assert.equal(renderHtml(tokenize('@alice@localhost'), local), card)
  assert.equal(renderHtml(tokenize('@alice@localhost:4000'), local), '<p>@alice@localhost:4000</p>')
})

test('a hashtag links to its page', () => {
  assert.equal(
    html('#hashtagタグ'),
    '<p><a href="https://dunlin.test/tags/hashtag%E3%82%BF%E3%82%B0" class="mention hashtag" rel="tag">#<span>hashtagタグ</span></a></p>',
  )
})

function linkHtml(url: string, parts: [string, string, string], rel = 'nofollow noopener noreferrer'): string {
  const [prefix, head, tail] = parts
  const style = tail === '' ? '' : 'ellipsis'
  return (
    `<a href="${url}" target="_blank" rel="${rel}" translate="no"><span class="invisible">${prefix}</span>` +
    `<span class="${style}">${head}</span><span class="invisible">${tail}</span></a>`
  )
}

test('a link hides its scheme and shows thirty characters, but keeps the whole URL', () => {
  assert.equal(
    html('https://example.com'),
    `<p>${linkHtml('https://example.com', ['https://', 'example.com', ''])}</p>`,
  )
  assert.equal(
    html('http://www.example.com/a?b=1&c=2'),
    `<p>${linkHtml('http://www.example.com/a?b=1&amp;c=2', ['http://www.', 'example.com/a?b=1&amp;c=2', ''])}</p>`,
  )
  const path = 'x'.repeat(40)
  assert.equal(
    html(`https://example.com/${path}`),
    `<p>${linkHtml(`https://example.com/${path}`, ['https://', `example.com/${'x'.repeat(18)}`, 'x'.repeat(22)])}</p>`,
  )
  const barely = 'x'.repeat(19)
  assert.equal(
    html(`https://example.com/${barely}`),
    `<p>${linkHtml(`https://example.com/${barely}`, ['https://', `example.com/${barely}`, ''])}</p>`,
    'one character is not worth an ellipsis',
  )
  const emoji = '😀'.repeat(30)
  assert.ok(
    html(`https://example.com/${emoji}`).includes(`<span class="ellipsis">example.com/${'😀'.repeat(18)}</span>`),
  )
})

test('a profile field is one line, and its links claim identity', () => {
  const field = renderField(tokenize('see\nhttps://example.com'), links)
  const link = linkHtml('https://example.com', ['https://', 'example.com', ''], 'nofollow noopener noreferrer me')
  assert.equal(field, `see ${link}`)
})

/** The corpus of known attacks on renderers of HTML. */
const ATTACKS = [
  '<script>alert("Hello")</script>',
  `<img src="javascript:alert('XSS');">`,
  '<img src=x onerror=alert(1)>',
  '<svg/onload=alert(1)>',
  '<math><annotation>x',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<![CDATA[<script>alert(1)</script>]]>',
  '<!--><script>alert(1)</script>-->',
  '</p><script>alert(1)</script><p>',
  '"><script>alert(1)</script>',
  `' onmouseover='alert(1)`,
  '" onmouseover="alert(1)',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\u0000script:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'https://example.com/"onmouseover="alert(1)',
  `https://example.com/'onmouseover='alert(1)`,
  'https://example.com/?a="><script>alert(1)</script>',
  'https://example.com/`onmouseover=alert(1)',
  'https://example.com/<script>alert(1)</script>',
  'https://example.com/blahblahblahblahblah/a<script>alert("Hello")</script>',
  'https://javascript:alert(1)@example.com',
  'https://exa"mple.com/',
  '#<script>',
  '#a"onclick="alert(1)',
  '@alice"onclick="alert(1)',
  '@<img src=x onerror=alert(1)>',
  ':emoji"onerror="alert(1):',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '&#60;script&#62;',
  '\ud800<script>\udfff',
  '\u202e<script>\u202c',
  '<scr\u0000ipt>alert(1)</scr\u0000ipt>',
  '＜script＞alert(1)＜/script＞',
  '<b>'.repeat(10_000),
  '{{constructor.constructor("alert(1)")()}}',
]

/** Everything the renderer may write: these tags with these attributes, and text without `<`, `>` or quotes. */
const TEXT = String.raw`(?:[^<>"'&]|&(?:amp|lt|gt|quot|#39);)*`
const URL_TEXT = String.raw`https?:\/\/${TEXT}`
const ALLOWED = new RegExp(
  [
    String.raw`^(?:${TEXT}<(?:p|\/p|br \/|\/a|\/span|span`,
    'span class="(?:h-card|invisible|ellipsis|)"',
    'span class="h-card" translate="no"',
    `a href="${URL_TEXT}" class="u-url mention"`,
    `a href="${URL_TEXT}" class="mention hashtag" rel="tag"`,
    `a href="${URL_TEXT}" target="_blank" rel="nofollow noopener noreferrer(?: me)?" translate="no")>)*${TEXT}$`,
  ].join('|'),
  'u',
)

function assertHarmless(rendered: string, from: string): void {
  assert.match(rendered, ALLOWED, from)
  const open: string[] = []
  for (const [, close, tag] of rendered.matchAll(/<(\/?)([a-z]+)[^>]*?(?<!\/)>/g)) {
    if (close === '') open.push(tag ?? '')
    else assert.equal(open.pop(), tag, `balanced: ${from}`)
  }
  assert.deepEqual(open, [], from)
}

test('no attack of the corpus gets a tag, an attribute or a scheme of its own', () => {
  for (const attack of ATTACKS) {
    for (const text of [
      attack,
      `https://example.com/${attack}`,
      `#tag${attack}`,
      `@alice${attack}`,
      `a\n\n${attack}`,
    ]) {
      assertHarmless(html(cleanText(text)), text)
      assertHarmless(renderField(tokenize(cleanText(text)), links), text)
    }
  }
})

test('whatever is written, the HTML has only our tags, balanced, and the text of the input', () => {
  const parts = [
    '<',
    '>',
    '"',
    "'",
    '&',
    '@alice',
    '#tag',
    'https://a.example/',
    ' ',
    '\n',
    '\n\n',
    'x',
    '<p>',
    '</a>',
    '\ud800',
  ]
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...parts)).map((list) => list.join('')),
  )
  fc.assert(
    fc.property(anything, (text) => {
      const cleaned = cleanText(text)
      const rendered = html(cleaned)
      assertHarmless(rendered, cleaned)
      const shown = rendered
        .replace(/<br \/>|<\/p><p>/g, '\n')
        .replace(/<[^>]*>/g, '')
        .replace(/&lt;/g, '<')
        .replace(/&gt;/g, '>')
        .replace(/&quot;/g, '"')
        .replace(/&#39;/g, "'")
        .replace(/&amp;/g, '&')
      assert.equal(shown, cleaned.replace(/\n+/g, '\n'))
    }),
    { numRuns: 1000 },
  )
})

test('text is cleaned at the border: well-formed, composed, one kind of line end, no controls', () => {
  assert.equal(cleanText('a\r\nb\rc\u2028d'), 'a\nb\nc\nd')
  assert.equal(cleanText('a\u0000b\u0007c\u007fd\u0085e\tf'), 'abcde\tf')
  assert.equal(cleanText('e\u0301'), 'é')
  assert.equal(cleanText('a\ud800b'), 'a\ufffdb')
  assert.equal(cleanText('  a  '), 'a')
  assert.equal(cleanText('\u202eabc\u202c'), '\u202eabc\u202c', 'direction controls stay in posts')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const cleaned = cleanText(text)
      assert.ok(cleaned.isWellFormed())
      assert.doesNotMatch(cleaned, /[^\P{Cc}\t\n]/u)
      assert.equal(cleanText(cleaned), cleaned)
    }),
  )
})

test('a display name is one line and cannot turn or hide the text around it', () => {
  assert.equal(cleanDisplayName('Ali\u202ece\u2066 \n Bob'), 'Alice Bob')
  assert.equal(cleanDisplayName('\u200b\u200bAlice\u3164 \u200b'), 'Alice')
  assert.equal(cleanDisplayName('👩‍👩‍👧'), '👩‍👩‍👧')
  assert.equal(cleanDisplayName('\u200b'), '')
})
