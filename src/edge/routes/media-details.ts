/** Description and focus of a picture, as clients send them with an upload, a change, or the edit of a status. */
import type { MediaDetailsChange } from '../../media/contract.ts'
import { cleanText } from '../../text/clean.ts'
import { invalid, type Params } from '../params.ts'

const FOCUS = /^\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+))\s*,\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+))\s*$/
/** Longer than any two numbers that make sense. */
const FOCUS_CHARACTERS_MAX = 100

/** What was sent, and only that. */
export function readMediaChange(params: Params): MediaDetailsChange {
  return {
    ...(params.has('description') && { description: cleanText(params.text('description') ?? '') }),
    ...((params.text('focus') ?? '') !== '' && { focus: readFocus(params) }),
  }
}

/** `x,y`, both from -1 to 1; beyond the edge means at the edge, as clients round. */
function readFocus(params: Params): { x: number; y: number } {
  const [, x, y] = FOCUS.exec(params.text('focus', { max: FOCUS_CHARACTERS_MAX }) ?? '') ?? []
  if (x === undefined || y === undefined) throw invalid('focus', 'is invalid')
  return { x: withinPicture(Number(x)), y: withinPicture(Number(y)) }
}

function withinPicture(coordinate: number): number {
  return Math.min(1, Math.max(-1, coordinate))
}
