/** Text as people send it → text as it is stored: done once, at the border. */

/** C0 controls but tab and newline, DEL and C1: invisible, and PostgreSQL refuses NUL. */
const CONTROLS = /[^\P{Cc}\t\n]/gu
const LINE_ENDS = /\r\n?|[\u2028\u2029]/g
/** Embeddings, overrides and isolates, which can turn the text around a name; plain direction marks may stay. */
const DIRECTION_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g
/** Spaces, joiners and fillers: at the ends of a name they make it look like another. */
const INVISIBLE = /[\s\u00ad\u200b-\u200d\u2060\u3164\ufeff]/

/** Well-formed UTF-16 in NFC, `\n` as the only line end, no control characters, trimmed. */
export function cleanText(text: string): string {
  return text.replace(LINE_ENDS, '\n').replace(CONTROLS, '').toWellFormed().normalize('NFC').trim()
}

/** One line, without characters that turn the text around it. */
export function cleanDisplayName(name: string): string {
  const line = cleanText(name).replace(DIRECTION_CONTROLS, '').replace(/\s+/g, ' ')
  let from = 0
  let to = line.length
  while (from < to && INVISIBLE.test(line.charAt(from))) from++
  while (to > from && INVISIBLE.test(line.charAt(to - 1))) to--
  return line.slice(from, to)
}
