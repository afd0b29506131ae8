/** Scopes in words for the person who is asked. */
const WHOLE: Record<string, string> = {
  read: 'Read everything you can see: timelines, direct messages, notifications, lists, settings',
  write: 'Post, edit and delete in your name, and change your profile and settings',
  follow: 'See and change whom you follow, block and mute',
  push: 'Be sent your notifications',
  profile: 'See your name and picture',
  'admin:read': 'Read all data of the server that its moderators see',
  'admin:write': 'Change all data of the server that its moderators change',
}

const PARTS: Record<string, string> = {
  accounts: 'your account and profile',
  blocks: 'your blocks',
  bookmarks: 'your bookmarks',
  collections: 'your collections',
  conversations: 'your conversations',
  favourites: 'your favourites',
  filters: 'your filters',
  follows: 'your follows',
  lists: 'your lists',
  media: 'your media files',
  mutes: 'your mutes',
  notifications: 'your notifications',
  reports: 'reports you make',
  search: 'search results in your name',
  statuses: 'your timelines and posts',
}

/** One line a scope, in the order asked; the power to moderate is marked. */
export function scopeLines(scopes: readonly string[]): { text: string; isGrave: boolean }[] {
  return scopes.map((scope) => ({ text: WHOLE[scope] ?? partText(scope), isGrave: scope.startsWith('admin') }))
}

function partText(scope: string): string {
  const words = scope.split(':')
  const part = words.at(-1) ?? ''
  const access = words.includes('write') ? 'Change' : 'Read'
  if (words[0] === 'admin') return `${access} as a moderator: ${part.replaceAll('_', ' ')}`
  return `${access} ${PARTS[part] ?? part}`
}
