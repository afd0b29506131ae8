/** Hashtags as clients read them: with their last seven days, and whether the viewer follows them. */
import type { Discovery } from '../../discovery/contract.ts'
import type { Clock } from '../../kit/clock.ts'
import { presentTag, type Tag } from '../../mastodon/tag.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { TagFollows } from '../../tag-follows/contract.ts'
import type { Presenting } from '../presenting.ts'

export interface TagEntityDeps {
  discovery: Pick<Discovery, 'tagHistory'>
  tagFollows: Pick<TagFollows, 'followedBy'>
  present: Presenting
  clock: Clock
}

export async function presentTags(
  { discovery, tagFollows, present, clock }: TagEntityDeps,
  names: readonly string[],
  viewer: AccountId | undefined,
): Promise<Tag[]> {
  if (names.length === 0) return []
  const history = await discovery.tagHistory(names)
  const followed = viewer === undefined ? undefined : tagFollows.followedBy(viewer)
  return names.map((name) => {
    const following = followed === undefined ? {} : { following: followed.has(name) }
    return presentTag({ name, days: history.get(name) ?? [], ...following }, clock.nowMs(), present.site.urls)
  })
}
