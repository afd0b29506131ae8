import assert from 'node:assert/strict'
import { test } from 'node:test'

import { allLanguages, detectLanguage, isLanguage, languageOf } from '../../src/text/language.ts'
import { tokenize } from '../../src/text/tokens.ts'

const detect = (text: string): string | null => detectLanguage(tokenize(text))

test('the language of a sentence is detected', () => {
  const cases: [string, string][] = [
    ['Hello world, how are you doing today?', 'en'],
    ['Guten Morgen, wie geht es dir heute?', 'de'],
    ['Je ne sais pas quoi dire ce matin', 'fr'],
    ['Buenos días a todos mis amigos', 'es'],
    ['Hej, hur mår du i dag?', 'sv'],
    ['今日はとても暑いですね', 'ja'],
    ['오늘은 날씨가 좋네요', 'ko'],
    ['Привет, как у тебя дела сегодня?', 'ru'],
    ['今天天气很好，我们去公园吧', 'zh'],
  ]
  for (const [text, expected] of cases) assert.equal(detect(text), expected, text)
})

test('what is short, unclear or no language has none', () => {
  for (const text of [
    '',
    'ok',
    'lol',
    'hello',
    '🎉🎉🎉',
    '12345 67890',
    '@alice @bob',
    'https://example.com/guten/morgen',
  ]) {
    assert.equal(detect(text), null, text)
  }
})

test('names, tags and links do not count', () => {
  assert.equal(detect('@guten #morgen https://wie.geht.es/dir/heute Hello world, how are you today?'), 'en')
  assert.equal(detect('@this_is_english #all_of_it https://example.com/the/quick/brown/fox'), null)
})

test('codes of ISO 639 are languages, and anything else is not', () => {
  for (const code of ['en', 'de', 'tok', 'ckb', 'zh-TW', 'pt-BR']) assert.ok(isLanguage(code), code)
  for (const code of ['', 'xx', 'english', 'EN', 'e', 'en-GB', '__proto__', 'constructor'])
    assert.ok(!isLanguage(code), code)
})

test('a language tag is brought to the form we keep', () => {
  const cases: [string, string | null][] = [
    ['en', 'en'],
    ['EN', 'en'],
    ['en-GB', 'en'],
    ['zh-tw', 'zh-TW'],
    ['zh_TW', 'zh-TW'],
    ['zh-Hant-TW', 'zh'],
    ['', null],
    ['xx', null],
    ['en; drop table', null],
    ['constructor', null],
  ]
  for (const [tag, expected] of cases) assert.equal(languageOf(tag), expected, tag)
})

test('every language offered is one, with a name', () => {
  const languages = allLanguages()
  assert.ok(languages.length > 180)
  for (const { code, name } of languages) {
    assert.ok(isLanguage(code))
    assert.notEqual(name, '')
  }
  assert.equal(languages.find(({ code }) => code === 'de')?.name, 'German')
})
