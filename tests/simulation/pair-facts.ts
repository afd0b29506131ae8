/** Who follows, blocks and mutes whom, with a version per pair, as the graph's rows have it. */
import type { AccountId } from '../../src/snowflake/contract.ts'

type Kind = 'follows' | 'blocks' | 'mutes'
const KINDS: readonly Kind[] = ['follows', 'blocks', 'mutes']

export class PairFacts {
  readonly #facts = new Set<string>()
  readonly #versions = new Map<string, bigint>()

  has(kind: Kind, source: AccountId, target: AccountId): boolean {
    return this.#facts.has(`${kind} ${source} ${target}`)
  }

  add(kind: Kind, source: AccountId, target: AccountId): void {
    this.#facts.add(`${kind} ${source} ${target}`)
  }

  delete(kind: Kind, source: AccountId, target: AccountId): boolean {
    return this.#facts.delete(`${kind} ${source} ${target}`)
  }

  version(one: AccountId, other: AccountId): bigint {
    return this.#versions.get(pairName(one, other)) ?? 0n
  }

  bumpVersion(one: AccountId, other: AccountId): bigint {
    const version = this.version(one, other) + 1n
    this.#versions.set(pairName(one, other), version)
    return version
  }

  /** Takes over everything between the two, with its version. */
  copyPair(from: PairFacts, one: AccountId, other: AccountId): void {
    for (const kind of KINDS) {
      for (const [source, target] of [
        [one, other],
        [other, one],
      ] as const) {
        if (from.has(kind, source, target)) this.add(kind, source, target)
        else this.delete(kind, source, target)
      }
    }
    this.#versions.set(pairName(one, other), from.version(one, other))
  }
}

function pairName(one: AccountId, other: AccountId): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`
}
