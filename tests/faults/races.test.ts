/** R1–R4 and R9 of reliability §7 over HTTP, many rounds each. */
import { raceTests } from '../world/race-tests.ts'

raceTests(60)
