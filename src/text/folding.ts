/**
 * The form in which words are compared: NFKC, lower case, without the marks that people leave out when they search. Of
 * Latin and Greek letters all accents go; of Cyrillic only ё; Arabic loses its vowel signs and the differences between its
 * alefs (Lucene's `ArabicNormalizer`), Hebrew its points. Other scripts spell with their marks and keep them.
 */

/** Beyond these nothing has to be folded. */
const PLAIN = /^[\0-\x7f]*$/
const ACCENTS = /([a-zα-ω])[\u0300-\u036f]+|(е)\u0308/g
/** Arabic vowel signs and hamzas (NFD has taken them off), tatweel; Hebrew points; characters that show nothing. */
const UNWRITTEN = new RegExp(
  [
    '[\\u0610-\\u061a\\u0640\\u064b-\\u065f\\u0670\\u06d6-\\u06dc]',
    '[\\u0591-\\u05bd\\u05bf\\u05c1\\u05c2\\u05c4\\u05c5\\u05c7]',
    '[\\u00ad\\u061c\\u200c\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufe00-\\ufe0f\\ufeff]',
  ].join('|'),
  'g',
)
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ı: 'i',
  ħ: 'h',
  ŋ: 'n',
  ς: 'σ',
  ٱ: 'ا',
  ى: 'ي',
  ی: 'ي',
  ک: 'ك',
  ة: 'ه',
  '’': "'",
  '‘': "'",
  ʼ: "'",
}
const LETTER = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'g')

/** Linear in the length of the text; halves of surrogate pairs become U+FFFD. Folding twice changes nothing. */
export function foldText(text: string): string {
  if (PLAIN.test(text)) return text.toLowerCase()
  return text
    .toWellFormed()
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(ACCENTS, '$1$2')
    .replace(UNWRITTEN, '')
    .replace(LETTER, (letter) => LETTERS[letter] ?? letter)
    .normalize('NFC')
}
