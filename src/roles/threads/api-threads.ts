/** How many threads answer people. */

/** Where the kernel spreads connections over several listeners of one port. */
const SPREADING: ReadonlySet<string> = new Set(['linux', 'freebsd', 'dragonfly'])
/** More than the database and the one background thread can feed. */
const API_THREADS_MAX = 8

/** `wanted` undefined: a core each, and one for what is not answering: PostgreSQL and the background thread. */
export function apiThreads(wanted: number | undefined, cores: number, platform: string): number {
  if (!SPREADING.has(platform)) return 1
  return wanted ?? Math.min(API_THREADS_MAX, Math.max(1, cores - 1))
}
