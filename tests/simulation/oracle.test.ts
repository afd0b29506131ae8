/**
 * The oracle: seeded stories of small, dense worlds, played on the real blocks over a real PostgreSQL and on a model in
 * arrays. At quiet moments, in the end, and again after everything derived was dropped, every page that a viewer can get
 * is what the model says: order, cursors, limits and fields (I1–I8, I10, I11).
 *
 * `SEEDS=1000` plays more, `SEED=17` that one alone. A failure tells the shortest story that still fails like it; stories
 * worth keeping are in oracle-stories.ts.
 */
import { oracleSuite } from './oracle-suite.ts'

oracleSuite({ name: 'oracle', seeds: 10 })
