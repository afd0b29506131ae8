/** What the oracle has found once, as short as it gets: played for ever. */
import type { Act } from './model-acts.ts'
import type { Visibility } from './model.ts'
import type { Story } from './oracle-plan.ts'

const [ANN, BEN, CLEO] = [0, 1, 2]

export interface ToldStory extends Story {
  name: string
  http: boolean
}

export const STORIES: readonly ToldStory[] = [
  told('what was chosen with a request to follow is told while it waits', [
    { do: 'follow', by: ANN, to: CLEO, bell: true, languages: ['de'] },
  ]),
  told('a status names nobody who is suspended, and everybody again afterwards', [
    post(1, ANN, { mentions: [BEN] }),
    { do: 'look', by: ANN, rows: 5 },
    { do: 'suspend', by: BEN },
    { do: 'look', by: ANN, rows: 5 },
    { do: 'unsuspend', by: BEN },
  ]),
  told('an answer that is pinned is no status without answers', [
    post(1, BEN),
    post(2, ANN, { replyTo: 1 }),
    post(3, ANN, { visibility: 'private' }),
    post(4, ANN),
    { do: 'pin', by: ANN, of: 3 },
    { do: 'pin', by: ANN, of: 4 },
    { do: 'pin', by: ANN, of: 2 },
  ]),
  told('who has blocked somebody does not speak to them, not even when the block is over', [
    { do: 'block', by: ANN, to: BEN },
    post(1, ANN, { visibility: 'direct', mentions: [BEN] }),
    { do: 'unblock', by: ANN, to: BEN },
  ]),
  told('nobody is told of being mentioned beside somebody they block', [
    { do: 'block', by: ANN, to: BEN },
    post(1, CLEO, { mentions: [ANN, BEN] }),
    { do: 'unblock', by: ANN, to: BEN },
  ]),
  told('a thread that was muted stays muted for whom an edit of its first status mentions', [
    post(1, BEN),
    { do: 'muteThread', by: ANN, of: 1 },
    { do: 'edit', by: BEN, of: 1, mentions: [ANN], words: 'w11', language: 'en' },
    { do: 'unmuteThread', by: ANN, of: 1 },
  ]),
  told('those are told of an edit who have boosted by then, also when they take it back later', [
    post(1, BEN),
    { do: 'boost', by: ANN, post: 2, of: 1, visibility: 'public' },
    { do: 'edit', by: BEN, of: 1, mentions: [], words: 'w11', language: 'en' },
    { do: 'delete', by: ANN, of: 2 },
    { do: 'boost', by: CLEO, post: 3, of: 1, visibility: 'public' },
  ]),
  told(
    'one’s own boost can be deleted also when what it boosts is hidden by now',
    [
      post(1, BEN),
      { do: 'boost', by: ANN, post: 2, of: 1, visibility: 'public' },
      { do: 'block', by: BEN, to: ANN },
      { do: 'delete', by: ANN, of: 2 },
    ],
    true,
  ),
]

/** Of Ann, Ben, and Cleo, who is locked. */
function told(name: string, acts: Act[], http = false): ToldStory {
  return {
    name,
    http,
    people: [{ locked: false }, { locked: false }, { locked: true }],
    acts,
    celebrityFollowers: 10_000,
    entriesMax: 800,
  }
}

function post(
  number: number,
  by: number,
  { visibility = 'public', mentions = [], replyTo = null }: Partial<Wish> = {},
): Act {
  return { do: 'post', by, post: number, visibility, mentions, replyTo, words: `w${number}`, language: 'en' }
}

interface Wish {
  visibility: Visibility
  mentions: number[]
  replyTo: number | null
}
