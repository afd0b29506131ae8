/**
 * Requests to addresses that somebody else has named: push services, and whatever else a person may give an address of.
 * They reach the world and nothing near: every address that a name stands for is checked when the connection is made to
 * it, so that a name cannot stand for another one a moment later; redirects are not followed; time and size have bounds.
 */
export interface OutboundRequest {
  url: URL
  method: 'GET' | 'POST'
  headers: Readonly<Record<string, string | number>>
  body?: Buffer
  /** From the look-up of the name to the last byte of the answer. */
  deadlineMs: number
  /** Of the answer; what comes beyond is cut off, with the connection. */
  answerBytesMax: number
}

export interface OutboundAnswer {
  status: number
  headers: Readonly<Record<string, string | undefined>>
  /** At most `answerBytesMax`. */
  body: Buffer
}

export interface Outbound extends Disposable {
  /**
   * Rejects with `invalid` for an address that is not allowed (scheme, port, credentials, a near network), with
   * `unavailable` when there was no whole answer in time. Any status is an answer, a redirect as well.
   */
  request(request: OutboundRequest): Promise<OutboundAnswer>
  /** Throws `invalid` for what `request` would refuse without asking for the name's addresses. */
  check(url: URL): void
}
