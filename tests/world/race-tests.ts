/** The races as tests, each played so often. `SEED=n` plays the same rounds again, as far as a machine does. */
import { after, before, test } from 'node:test'

import { openRaceWorld } from './race-world.ts'
import { Races, type RaceWorld } from './races.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

export function raceTests(rounds: number): void {
  let world: RaceWorld & AsyncDisposable
  let races: Races

  before(async () => {
    world = await openRaceWorld()
    races = new Races(world, SEED)
  })

  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  function race(name: string, play: () => Promise<void>): void {
    test(`${name} (SEED=${SEED})`, async () => {
      for (let round = 0; round < rounds; round += 1) await play()
    })
  }

  race('R1: posts around an unfollow are not at home once it is answered', () => races.unfollow())
  race('R2: posts around a follow come home exactly once', () => races.follow())
  race('R2: following, unfollowing and following again leaves no hole', () => races.flapping())
  race('R3: nothing is served after a block by the reader', () => races.block('reader'))
  race('R3: nothing is served after a block by the author', () => races.block('author'))
  race('R3: nothing is served after a mute', () => races.block('mute'))
  race('R4: a deleted status is nobody’s ghost', () => races.remove())
  race('R9: nothing of a suspended author is served, and nothing is lost', () => races.suspend())
}
