/**
 * What the threads of one process tell each other at once, so that everybody reads what anybody was told is written: a
 * thread tells before it answers, and every sibling has taken that over before it looks at the next request.
 *
 * This is for memory that would else hide a committed change (caches, the graph). It is not durable and reaches no other
 * process: those hear by the bus, and so does a sibling whose teller died on the way.
 */
export interface Siblings {
  /** `body` is copied (structured clone). Never throws; costs some microseconds for each sibling. */
  tell<Body>(topic: Topic<Body>, body: Body): void
  /** `take` must not wait: a request waits for it. */
  hear<Body>(topic: Topic<Body>, take: (body: Body) => void): Disposable
}

/** One kind of word, declared by the block whose memory it is about. */
export interface Topic<Body> {
  readonly name: string
  /** Never there: it ties the type of the body to the topic. */
  readonly body?: Body
}

/** Of a process with one thread. */
export const NO_SIBLINGS: Siblings = {
  tell: () => {},
  hear: () => ({ [Symbol.dispose]: () => {} }),
}
