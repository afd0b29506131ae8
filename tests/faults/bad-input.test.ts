/** Every parameter of every route, pages included, with every wrong value there is; `npm test` tries a few of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Hostility } from '../world/hostility.ts'
import { openSystem } from '../world/system.ts'

test('no parameter of any route can be given a value that makes the server fail', async () => {
  await using system = await openSystem()
  const hostility = new Hostility(system, { seed: 1, valuesMax: Infinity })
  const { parameters, requests } = await hostility.visit(system.edge.routes)
  assert.deepEqual(system.errors, [])
  console.log(`${requests} requests to ${parameters} parameters`)
})
