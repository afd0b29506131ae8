import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { countCharacters, isLongerThan } from '../../src/text/count.ts'
import {
  hashtagNames,
  linkedUrls,
  mentionedUsernames,
  normalizeHashtag,
  parseHashtag,
} from '../../src/text/entities.ts'
import { tokenize } from '../../src/text/tokens.ts'

const of = (type: string, text: string): string[] =>
  tokenize(text).flatMap((token) => (token.type === type ? [token.text] : []))
const mentions = (text: string) => of('mention', text)
const hashtags = (text: string) => of('hashtag', text)
const links = (text: string) => of('link', text)

test('mentions are found where Mastodon finds them', () => {
  const cases: [string, string[]][] = [
    ['@alice', ['@alice']],
    ['hello @alice, @bob_2!', ['@alice', '@bob_2']],
    ['(@alice)', ['@alice']],
    ['.@alice', ['@alice']],
    ['@alice.', ['@alice']],
    ['@alice...', ['@alice']],
    ['@alice-b @a.b.c', ['@alice-b', '@a.b.c']],
    ['@alice@example.com hi', ['@alice@example.com']],
    ['@alice@example.com.', ['@alice@example.com']],
    ['@alice@bücher.example', ['@alice@bücher.example']],
    ['@aliceさん', ['@alice']],
    ['@alice@', []],
    ['@alice@example.com@', []],
    ['@alice://x', []],
    ['@josé', []],
    ['mail me at alice@example.com', []],
    ['https://medium.com/@alice/post', []],
    ['x=@alice', []],
    ['/@alice', []],
    ['é@alice', []],
    ['𐐀@alice', []],
    ['@', []],
    ['@@alice', ['@alice']],
    [`@${'a'.repeat(30)}`, [`@${'a'.repeat(30)}`]],
    [`@${'a'.repeat(31)}`, []],
  ]
  for (const [text, expected] of cases) assert.deepEqual(mentions(text), expected, text)
})

test('a mention carries its user name and domain as written', () => {
  assert.deepEqual(tokenize('@Alice@Example.com'), [
    { type: 'mention', text: '@Alice@Example.com', username: 'Alice', domain: 'Example.com' },
  ])
  assert.deepEqual(tokenize('@bob@localhost:3000: hi'), [
    { type: 'mention', text: '@bob@localhost:3000', username: 'bob', domain: 'localhost:3000' },
    { type: 'text', text: ': hi' },
  ])
  assert.deepEqual(mentions('@bob@localhost:123456 @eve:80 @bob@localhost: 3'), [
    '@bob@localhost',
    '@eve',
    '@bob@localhost',
  ])
  assert.deepEqual(tokenize('@Alice'), [{ type: 'mention', text: '@Alice', username: 'Alice' }])
})

test('hashtags are found where Mastodon finds them', () => {
  const cases: [string, string[]][] = [
    ['#hello', ['#hello']],
    ['hello #3d #l33ts35k #world2016', ['#3d', '#l33ts35k', '#world2016']],
    ['#_test #test_ #one_two_three', ['#_test', '#test_', '#one_two_three']],
    ['#1_2', ['#1_2']],
    ['#0123456', []],
    ['#one·two·three', ['#one·two·three']],
    ['#·one', []],
    ['#one·two·three·', ['#one·two·three']],
    ['testing #ぼっち・ざ・ろっく', ['#ぼっち・ざ・ろっく']],
    ['just add #نرم\u200cافزار and', ['#نرم\u200cافزار']],
    ['this is ＃ｆｏｏ', ['＃ｆｏｏ']],
    ['#हिन्दी', ['#हिन्दी']],
    ['test\u00a0#foo', ['#foo']],
    ['(#foo) "#bar"', ['#foo', '#bar']],
    ['#foo-bar #foo.', ['#foo', '#foo']],
    ['#foo#bar', ['#foo']],
    ['foo#bar é#bar 1#bar _#bar', []],
    ['/#bar =#bar )#bar', []],
    ['##', []],
    ['#️⃣ #1️⃣ #❤️', []],
    ['#Hello❤️', ['#Hello']],
    ['#taghttps://example.com', ['#tag']],
    ['https://en.wikipedia.org/wiki/Ghostbusters_(song)#Lawsuit', []],
    ['https://medium.com/@alice/some-article#.abcdef123', []],
    ['https://gcc.gnu.org/bugzilla/show_bug.cgi?id=111895#c4', []],
    ['https://en.wikipedia.org/wiki/Google_LLC_v._Oracle_America,_Inc.#Decision', []],
    ['https://en.wikipedia.org/wiki/Ghostbusters_(song)?foo=#Lawsuit', []],
  ]
  for (const [text, expected] of cases) assert.deepEqual(hashtags(text), expected, text)
})

test('links are found where Mastodon finds them, and only http and https', () => {
  const cases: [string, string[]][] = [
    ['http://google.com', ['http://google.com']],
    ['HTTPS://Example.com/A', ['HTTPS://Example.com/A']],
    ['see http://example.gay.', ['http://example.gay']],
    ['https://nic.みんな/', ['https://nic.みんな/']],
    ['https://xn--q9jyb4c', []],
    ['https://nic.xn--q9jyb4c/', ['https://nic.xn--q9jyb4c/']],
    ['(http://google.com/)', ['http://google.com/']],
    ["http://www.google.com! http://www.google.com' http://www.google.com>", Array(3).fill('http://www.google.com')],
    ['https://ruby-toolbox.com/search?utf8=✓&q=autolink', ['https://ruby-toolbox.com/search?utf8=✓&q=autolink']],
    ['https://ruby-toolbox.com/search?utf8=%E2%9C%93&q=a, b', ['https://ruby-toolbox.com/search?utf8=%E2%9C%93&q=a']],
    ['https://en.wikipedia.org/wiki/Diaspora_(software)', ['https://en.wikipedia.org/wiki/Diaspora_(software)']],
    ['(https://en.wikipedia.org/wiki/Diaspora_(software))', ['https://en.wikipedia.org/wiki/Diaspora_(software)']],
    ['https://a.example/x_(y_(z))/w).', ['https://a.example/x_(y_(z))/w']],
    ['https://a.example/x_(y', ['https://a.example/x_']],
    ['"https://example.com/" <https://example.com/>', ['https://example.com/', 'https://example.com/']],
    ['「[https://example.org/」', ['https://example.org/']],
    ['https://example.com/　abc123', ['https://example.com/']],
    ['https://ja.wikipedia.org/wiki/日本', ['https://ja.wikipedia.org/wiki/日本']],
    ['見てhttps://example.comを見て', ['https://example.com']],
    ['http://example.com/b<del>b</del>', ['http://example.com/b']],
    ['https://example.com:8080/x', ['https://example.com:8080/x']],
    ['https://example.com:99999/x', []],
    ['http://localhost:3000/@alice/1 http://localhost', ['http://localhost:3000/@alice/1', 'http://localhost']],
    ['http://wiki/page http://wiki:80', ['http://wiki/page', 'http://wiki:80']],
    ['http://wiki', []],
    ['http://127.0.0.1/ http://127.0.0.256/', ['http://127.0.0.1/']],
    [String.raw`http://www\.google\.com`, []],
    ['https://user@example.com https://example.com@evil.example', []],
    ['https://user:1@example.com', []],
    ['xhttp://example.com @http://example.com #http://example.com', []],
    ['https:// https://. https://-a.example https://a..example', []],
    ['javascript:alert(1) data:text/html,x ftp://example.com example.com mailto:a@example.com', []],
    ['https://example.com/a?b=(c)', ['https://example.com/a?b=(c']],
    ['https://example.com/a?b=c” and', ['https://example.com/a?b=c']],
    ['https://example.com/😀', ['https://example.com/😀']],
  ]
  for (const [text, expected] of cases) assert.deepEqual(links(text), expected, text)
})

test('newlines are tokens of their own: one breaks the line, more end the paragraph', () => {
  assert.deepEqual(tokenize('a\nb\n\n\nc'), [
    { type: 'text', text: 'a' },
    { type: 'newline', text: '\n' },
    { type: 'text', text: 'b' },
    { type: 'newline', text: '\n\n\n' },
    { type: 'text', text: 'c' },
  ])
})

const ASCII_PIECES = '@|@a|#|#tag|http://|https://a.example|/(|)|?|.|-|_|://| |\n|\n\n|<|&|"|1|a|=|:80|@b.c'
const OTHER_PIECES = '＃|é|あ|·|\u200c|👩‍👩‍👧|\ud800|\udc00|\u3000'
const pieces = fc.constantFrom(...`${ASCII_PIECES}|${OTHER_PIECES}`.split('|'))

test('the texts of the tokens, joined, are the input again, and no two texts follow each other', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(pieces).map((parts) => parts.join('')),
      ),
      (text) => {
        const tokens = tokenize(text)
        assert.equal(tokens.map((token) => token.text).join(''), text)
        for (const [index, token] of tokens.entries()) {
          assert.notEqual(token.text, '')
          if (token.type === 'text') assert.notEqual(tokens[index + 1]?.type, 'text')
          if (token.type === 'link') assert.match(new URL(token.url).protocol, /^https?:$/)
        }
      },
    ),
    { numRuns: 2000 },
  )
})

/** In processor time, at the first try or at one of two more: the bound is of the algorithm, not of a busy machine. */
function takesLessThan(boundMs: number, work: () => void): boolean {
  return [1, 2, 3].some(() => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return user + system < boundMs * 1_000
  })
}

// It takes about 10 ms; a scanner that looks back would take 5 × 10⁸ steps.
test('GHSA-jpxp: 100 kB of hostile text is scanned in linear time, whatever it repeats', () => {
  const names = '@a.|@a|@|@a@|@a@b.|a@a.|@a-|@a.@|@a.a|#|#a|#a·|·|＃1|#1_|#http'
  const paths = 'http://|https://a|http://a.b/(|http://a.bc/(|http://a.bc/((|http://a.bc/)|(|http://a.bc/()('
  const queries = 'http://a.bc?|http://a.bc?(|http://a.bc/?\n|http://a.bc:99999/|http://a.bc/!|http://a.bc@'
  const hosts = 'http://a..|http://a.-|http://-|http://é.|.|a.|h|ht|http|://|\n|\n\n| |é|\ud800'
  const hostile = [names, paths, queries, hosts].flatMap((list) => list.split('|'))
  for (const piece of hostile) {
    for (const lead of ['', '@a', '#a', 'http://a.bc/(', 'http://a.bc/((', 'http://a']) {
      const text = lead + piece.repeat(100_000 / piece.length)
      assert.ok(
        takesLessThan(500, () => tokenize(text)),
        JSON.stringify(lead + piece),
      )
    }
  }
})

test('characters are counted as Mastodon counts them', () => {
  const cases: [string, string, number][] = [
    ['hello', '', 5],
    ['hello', 'cw', 7],
    ['', '', 0],
    ['a\nb', '', 3],
    ['👩‍👩‍👧🏳️‍🌈é', '', 3],
    ['e\u0301', '', 1],
    [`https://example.com/${'a'.repeat(400)}`, '', 23],
    ['http://a.bc', '', 23],
    ['see http://a.bc.', '', 28],
    ['@alice@example.com hi', '', 9],
    ['@alice hi', '', 9],
    ['#hashtag', '', 8],
    ['not a link: http://', '', 19],
  ]
  for (const [text, spoiler, expected] of cases) {
    assert.equal(countCharacters(text, spoiler), expected, text)
    assert.equal(isLongerThan(expected, tokenize(text), spoiler), false, text)
    assert.equal(isLongerThan(expected - 1, tokenize(text), spoiler), true, text)
  }
})

test('counting stops soon above the limit it is given', () => {
  const huge = 'é😀'.repeat(250_000)
  assert.ok(countCharacters(huge, '', 500) > 500)
  assert.ok(takesLessThan(500, () => countCharacters(huge, '', 500)))
})

test('hashtags are normalised: width, case and the accents of Latin letters are folded', () => {
  const cases: [string, string][] = [
    ['HelloWorld', 'helloworld'],
    ['ａｅｓｔｈｅｔｉｃ', 'aesthetic'],
    ['Éclair', 'eclair'],
    ['Łódź', 'lodz'],
    ['øØđħıŋßæ', 'oodhinßæ'],
    ['İstanbul', 'istanbul'],
    ['BLÅBÆRSYLTETØY', 'blabærsyltetoy'],
    ['Ελλάδα', 'ελλάδα'],
    ['Кофе', 'кофе'],
    ['ёлка', 'ёлка'],
    ['ｶﾀｶﾅ', 'カタカナ'],
    ['हिन्दी', 'हिन्दी'],
    ['one·two', 'one·two'],
  ]
  for (const [name, expected] of cases) assert.equal(normalizeHashtag(name), expected)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      const once = normalizeHashtag(name)
      assert.equal(normalizeHashtag(once), once)
    }),
  )
})

test('a hashtag in a path is parsed with or without its sign, and what is none is refused', () => {
  assert.equal(parseHashtag('#Éclair'), 'eclair')
  assert.equal(parseHashtag('＃foo'), 'foo')
  assert.equal(parseHashtag('foo'), 'foo')
  for (const text of ['', '#', '123', 'a b', 'a#b', '<a>', 'foo·']) assert.equal(parseHashtag(text), undefined, text)
})

test('a text names local accounts, tags and links once each, in order', () => {
  const tokens = tokenize(
    '@Bob @alice@localhost @alice @carol@elsewhere.example #Foo #foo #ＦＯＯ #bar http://a.bc http://a.bc',
  )
  assert.deepEqual(mentionedUsernames(tokens, 'localhost:3000'), ['bob', 'alice'])
  assert.deepEqual(hashtagNames(tokens), ['foo', 'bar'])
  assert.deepEqual(linkedUrls(tokens), ['http://a.bc'])
})
