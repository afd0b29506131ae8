/** R1–R4 and R9 of reliability §7 over HTTP, a few rounds each; `tests/faults/races.test.ts` plays many. */
import { raceTests } from '../world/race-tests.ts'

raceTests(4)
