/** Tells numbers as fast as it can, and notes each where all can see it once it was told. Ends by itself, or is ended. */
import { workerData } from 'node:worker_threads'

import type { Topic } from '../../src/kit/siblings.ts'
import type { SiblingEnd } from '../../src/roles/threads/messages.ts'
import { SiblingLinks } from '../../src/roles/threads/sibling-links.ts'

const { end, told, last } = workerData as { end: SiblingEnd; told: Int32Array; last: number }
const NUMBERS: Topic<number> = { name: 'numbers' }
const links = new SiblingLinks()
links.connect(end)
for (let number = 1; number <= last; number += 1) {
  links.tell(NUMBERS, number)
  Atomics.store(told, 0, number)
}
// The line stays open until nobody needs it.
Atomics.wait(told, 1, 0)
