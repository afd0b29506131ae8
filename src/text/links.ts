/**
 * Links in text: http and https only. The host may be international, a path keeps balanced parentheses, and punctuation
 * that ends a sentence is left to the sentence. Unlike twitter-text, which Mastodon uses, there is no list of top-level
 * domains: any of two letters or more will do, and `localhost` and hosts of an intranet with a port or a path.
 */
import { matchAt } from './scanning.ts'

const SCHEME = /https?:\/\//iy
const HOST = /[\p{L}\p{M}\p{Nd}._-]+/uy
const PORT = /:[0-9]{1,5}/y
const PATH_STOP = /[\p{White_Space}<>]/u
/** Letters, digits, the signs of RFC 3986, and everything else beyond ASCII that is neither space nor quotation mark. */
const QUERY = /(?:[a-z0-9!?*'();:&=+$/%#[\]\-_.,~|@^]|[^\p{White_Space}\p{Cc}\p{ASCII}\u2018-\u201f\u300c-\u300f])+/iuy
/** Ends of sentences and brackets. */
const PATH_TAIL = new Set(`()?!*"'「」<>;:=,.$%[]~&|@`)
const QUERY_TAIL = new Set(`!?*'();:+$%[].,~|@^`)
/** Characters before a scheme that make it part of something else. */
const GLUED = /[a-z0-9@＠$#＃]/iu
/** A path may hold `(a (b) c)`, no deeper; this also keeps the scan linear. */
const PARENTHESES_DEPTH_MAX = 2

/** The link that starts at `at`, or undefined when there is none. */
export function scanLink(text: string, at: number): string | undefined {
  if (at > 0 && GLUED.test(text.charAt(at - 1))) return undefined
  const scheme = matchAt(SCHEME, text, at)
  if (scheme === '') return undefined
  const hostFrom = at + scheme.length
  const host = hostOf(matchAt(HOST, text, hostFrom))
  let end = hostFrom + host.length
  const port = matchAt(PORT, text, end)
  end += port.length
  const isNamed = port !== '' || text[end] === '/' || host.toLowerCase() === 'localhost'
  // `https://name@host` shows one host and goes to another.
  if (text[end] === '@' || !isHost(host, isNamed)) return undefined
  // Before the path, which cannot make a URL invalid: a long one is scanned once only.
  if (!URL.canParse(text.slice(at, end))) return undefined
  return text.slice(at, endOfQuery(text, endOfPath(text, end)))
}

/** The host within a run of its characters: up to an empty label or the end of a sentence, or other script after `.com`. */
function hostOf(run: string): string {
  const emptyLabel = run.indexOf('..')
  let end = emptyLabel < 0 ? run.length : emptyLabel
  while (end > 0 && '.-_'.includes(run.charAt(end - 1))) end--
  const host = run.slice(0, end)
  const lastLabelFrom = host.lastIndexOf('.') + 1
  const asciiLetters = matchAt(/[a-z]+/iy, host, lastLabelFrom)
  const next = host.codePointAt(lastLabelFrom + asciiLetters.length) ?? 0
  const isGlued = lastLabelFrom > 0 && asciiLetters.length >= 2 && next > 0x7f
  return isGlued ? host.slice(0, lastLabelFrom + asciiLetters.length) : host
}

function isHost(host: string, isNamed: boolean): boolean {
  const labels = host.split('.')
  if (labels.some((label) => label === '' || label.startsWith('-') || label.endsWith('-'))) return false
  if (labels.length === 1) return isNamed
  const top = labels.at(-1) ?? ''
  return /^\p{L}[\p{L}\p{M}]+$/u.test(top) || /^xn--[a-z0-9-]+$/i.test(top) || isAddress(labels)
}

function isAddress(labels: readonly string[]): boolean {
  return labels.length === 4 && labels.every((label) => /^\d{1,3}$/.test(label) && Number(label) < 256)
}

function endOfPath(text: string, from: number): number {
  if (text[from] !== '/') return from
  let end = from
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '?' || PATH_STOP.test(char)) break
    if (char === '(') {
      if (depth === PARENTHESES_DEPTH_MAX) break
      depth++
    } else if (char === ')') {
      if (depth === 0) break
      depth--
      if (depth === 0) end = at + 1
    } else if (depth === 0 && !PATH_TAIL.has(char)) {
      end = at + 1
    }
  }
  return end
}

function endOfQuery(text: string, from: number): number {
  if (text[from] !== '?') return from
  const run = matchAt(QUERY, text, from)
  let end = run.length
  while (end > 0 && QUERY_TAIL.has(run.charAt(end - 1))) end--
  return from + end
}
