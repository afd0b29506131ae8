/** A story that fails → a short one that fails: first its shortest prefix, then without whatever it does not need. */
import { Names } from './oracle-names.ts'
import type { Story } from './oracle-plan.ts'
import { tellAct } from './oracle-telling.ts'

type Acts = Story['acts']

const SHORTEN_MS_MAX = 60_000

interface Failed {
  seed: number
  error: unknown
  /** Plays a story again; undefined where the same story need not fail again. */
  run: ((story: Story) => Promise<void>) | undefined
}

/** The error with everything that helps: the shortest story that fails like it, and how to see it again. */
export async function failure(story: Story, { seed, error, run }: Failed): Promise<Error> {
  const kind = kindOf(error)
  let last = error
  const fails = async (shorter: Story): Promise<boolean> => {
    try {
      await run?.(shorter)
      return false
    } catch (thrown) {
      if (kindOf(thrown) !== kind) return false
      last = thrown
      return true
    }
  }
  const short = run === undefined ? story : await shorten(story, fails, { ms: SHORTEN_MS_MAX })
  const names = new Names()
  const locked = [...short.people.keys()].filter((person) => short.people[person]?.locked === true)
  const lines = [
    `Seed ${seed} fails. Again: SEED=${seed} npm test -- tests/simulation/oracle.test.ts`,
    `${short.people.length} people, locked: ${locked.map((person) => names.person(person)).join(', ') || 'nobody'}; ` +
      `merged above ${short.celebrityFollowers} followers; ${short.entriesMax} entries`,
    ...short.acts.map((act) => `  ${tellAct(act, names)}`),
    ...messages(last),
  ]
  return new Error(lines.join('\n'), { cause: last })
}

function messages(error: unknown): string[] {
  return error instanceof Error ? [error.message, ...(error.cause === undefined ? [] : messages(error.cause))] : []
}

/** What an error says, but for numbers and viewers: two errors of one kind are taken for one mistake. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : kindOf(error.cause)
  const own = error.message.startsWith('at: ')
    ? ''
    : (error.message.split('\n')[0] ?? '').replaceAll(/\d+|, as .* sees it/g, '')
  return `${own} ${cause}`
}

/** Gives what was found when the time is over. `fails` plays a story and says whether anything differed. */
async function shorten(
  story: Story,
  fails: (story: Story) => Promise<boolean>,
  within: { ms: number },
): Promise<Story> {
  const deadlineMs = performance.now() + within.ms
  const isOver = () => performance.now() > deadlineMs
  const stillFails = async (acts: Acts) => !isOver() && (await fails({ ...story, acts }))
  const prefix = await shortestPrefix(story.acts, stillFails)
  return { ...story, acts: await withoutNeedless(prefix, stillFails) }
}

/** By halving: a longer prefix fails as well, as a rule. */
async function shortestPrefix(acts: Acts, stillFails: (acts: Acts) => Promise<boolean>): Promise<Acts> {
  let passing = 0
  let failing = acts.length
  while (failing - passing > 1) {
    const middle = Math.floor((passing + failing) / 2)
    if (await stillFails(acts.slice(0, middle))) failing = middle
    else passing = middle
  }
  return acts.slice(0, failing)
}

/** Leaves out stretches, shorter and shorter ones, as long as it goes on failing (Zeller's ddmin, only its complements). */
async function withoutNeedless(acts: Acts, stillFails: (acts: Acts) => Promise<boolean>): Promise<Acts> {
  let kept = acts
  for (let stretch = Math.ceil(kept.length / 2); stretch >= 1; stretch = Math.floor(stretch / 2)) {
    for (let from = kept.length - stretch; from > -stretch; from -= stretch) {
      const fewer = [...kept.slice(0, Math.max(0, from)), ...kept.slice(Math.max(0, from + stretch))]
      if (fewer.length < kept.length && (await stillFails(fewer))) kept = fewer
    }
  }
  return kept
}
