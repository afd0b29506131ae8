/**
 * Pages of statuses as bytes. What everybody reads alike of a status is written to JSON once, and again only when something
 * in it has changed; what tells of the viewer is written behind it:
 *
 *   {"id":"1","created_at":…,"content":…,"account":{…}            shared, kept
 *   {"id":"2",…,"account":{…} ,"reblog": {"id":"1",…}             a boost holds the bytes of what it boosts
 *                                        ,"favourited":true,…}    the viewer's, made per read
 *
 * A poll is written like what tells of the viewer: it says what they chose, and every vote changes it.
 *
 * Nothing has to be invalidated: a kept piece remembers what it was made from, and is made again when that differs.
 */
import type { StatusView, WarmStatuses } from '../hydration/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { presentPoll } from './poll.ts'
import type { Site } from './site.ts'
import { ANONYMOUS, isPinnable, presentMarks, presentStatus, type Reader } from './status.ts'

/** The shared part of one status, open at its end: no closing brace. */
interface Piece {
  view: StatusView
  /** Of the boosted status. */
  inner: Piece | undefined
  bytes: Buffer
}

const OPEN = Buffer.from('[')
const CLOSE = Buffer.from(']')
const COMMA = Buffer.from(',')
const END = Buffer.from('}')
const REBLOG = Buffer.from(',"reblog":')

export interface WarmReader extends Reader {
  viewer: AccountId
}

export class StatusJson {
  readonly #site: Site
  /** Records are replaced, not changed, when someone edits: the record is the key, and goes with its piece. */
  readonly #pieces = new WeakMap<StatusView['status'], Piece>()
  /** By `closingKind`. */
  readonly #closings: Buffer[] = []

  constructor(site: Site) {
    this.#site = site
  }

  /** A JSON array of statuses, as `presentStatus` has them. */
  page(views: readonly StatusView[], reader: Reader): Buffer {
    const parts: Buffer[] = [OPEN]
    for (const view of views) {
      if (parts.length > 1) parts.push(COMMA)
      this.#add(parts, view, reader)
    }
    parts.push(CLOSE)
    return Buffer.concat(parts)
  }

  /**
   * The same for a person's statuses from memory: the bytes are put into memory that `lend` gives, because new memory for
   * every page costs more than filling it.
   */
  warmPage(
    { views, marks }: Pick<WarmStatuses, 'marks' | 'views'>,
    reader: WarmReader,
    lend: (bytes: number) => Buffer,
  ): Buffer {
    const parts: Buffer[] = []
    let bytes = 0
    const add = (part: Buffer): void => {
      parts.push(part)
      bytes += part.length
    }
    add(OPEN)
    for (const [index, view] of views.entries()) {
      const own = marks[index]
      if (index > 0) add(COMMA)
      add(this.#piece(view).bytes)
      if (view.boostOf !== undefined) {
        add(REBLOG)
        add(this.#piece(view.boostOf).bytes)
        add(this.#warmClosing(view.boostOf, own, reader))
      }
      add(this.#warmClosing(view, own, reader))
    }
    add(CLOSE)
    const page = lend(bytes)
    return page.subarray(0, writeAll(parts, page))
  }

  /** What `closing` gives for the view with these marks; most people did nothing with most statuses, and filter nothing. */
  #warmClosing(view: StatusView, marks: StatusView['marks'], reader: WarmReader): Buffer {
    const filtered = reader.filtered?.(view.boostOf ?? view) ?? []
    if (view.poll !== undefined || filtered.length > 0) return closing(withMarks(view, marks), reader)
    const kind = closingKind(marks, isPinnable(view, reader.viewer))
    const bytes = this.#closings[kind] ?? closing(withMarks(view, marks), { viewer: reader.viewer })
    this.#closings[kind] = bytes
    return bytes
  }

  #add(parts: Buffer[], view: StatusView, reader: Reader): void {
    parts.push(this.#piece(view).bytes)
    if (view.boostOf !== undefined) {
      parts.push(REBLOG)
      this.#add(parts, view.boostOf, reader)
    }
    parts.push(closing(view, reader))
  }

  #piece(view: StatusView): Piece {
    const inner = view.boostOf === undefined ? undefined : this.#piece(view.boostOf)
    const kept = this.#pieces.get(view.status)
    if (kept !== undefined && kept.inner === inner && (kept.view === view || isSame(kept.view, view))) {
      kept.view = view // found faster the next time
      return kept
    }
    const piece = { view, inner, bytes: this.#write(view) }
    this.#pieces.set(view.status, piece)
    return piece
  }

  #write(view: StatusView): Buffer {
    const { reblog, poll, ...shared } = presentStatus(view, this.#site, ANONYMOUS)
    const text = JSON.stringify({ ...shared, ...(reblog === null && { reblog }), ...(poll === null && { poll }) })
    return Buffer.from(text.slice(0, -1))
  }
}

/** `into` begins with the parts, one after the other. */
function writeAll(parts: readonly Buffer[], into: Buffer): number {
  let end = 0
  for (const part of parts) {
    into.set(part, end)
    end += part.length
  }
  return end
}

/** Everything of a view that shows in its shared part, apart from the record itself and the boosted status. */
function isSame(kept: StatusView, view: StatusView): boolean {
  const { author } = view
  return (
    kept.author.account === author.account &&
    kept.author.followers === author.followers &&
    kept.author.following === author.following &&
    kept.author.statuses === author.statuses &&
    kept.author.lastStatusAtMs === author.lastStatusAtMs &&
    kept.counts.replies === view.counts.replies &&
    kept.counts.boosts === view.counts.boosts &&
    kept.counts.favourites === view.counts.favourites &&
    kept.media === view.media &&
    kept.mentions === view.mentions &&
    kept.app === view.app
  )
}

function closing(view: StatusView, reader: Reader): Buffer {
  if (view.poll !== undefined) return closingWithPoll(view, view.poll, reader)
  if (reader.viewer === undefined) return END
  return Buffer.from(`,${JSON.stringify(presentMarks(view, reader)).slice(1)}`)
}

function closingWithPoll(view: StatusView, poll: NonNullable<StatusView['poll']>, reader: Reader): Buffer {
  const own = { poll: presentPoll(poll, view.marks, reader.viewer), ...presentMarks(view, reader) }
  return Buffer.from(`,${JSON.stringify(own).slice(1)}`)
}

/** A small number that stands for what `closing` tells of a status without filters and poll. */
function closingKind(marks: StatusView['marks'], pinnable: boolean): number {
  if (marks === undefined) return pinnable ? 32 : 0
  const { boosted, bookmarked, favourited, muted, pinned } = marks
  const acts = (favourited ? 1 : 0) | (boosted ? 2 : 0) | (muted ? 4 : 0) | (bookmarked ? 8 : 0)
  return pinnable ? acts | 32 | (pinned ? 16 : 0) : acts
}

/** The view as hydration gives it to a person. */
function withMarks(view: StatusView, marks: StatusView['marks']): StatusView {
  return view.boostOf === undefined ? { ...view, marks } : { ...view, boostOf: { ...view.boostOf, marks } }
}
