/**
 * `api_versions.mastodon`: each number switches features on in clients, so the level is worked out from the routes that
 * are really there, and stops at the first that is missing.
 */

interface Level {
  level: number
  /** What clients start to use. */
  routes: readonly string[]
}

const LEVELS: readonly Level[] = [
  { level: 1, routes: ['GET /api/v2/instance', 'GET /api/v2/filters'] },
  // Grouped notifications.
  { level: 2, routes: ['GET /api/v2/notifications', 'GET /api/v2/notifications/unread_count'] },
  // PKCE, and the metadata that says so.
  { level: 3, routes: ['GET /.well-known/oauth-authorization-server', 'GET /oauth/authorize'] },
  // Deleting media; push by the standard. Clients ask for push when they see this number.
  { level: 4, routes: ['DELETE /api/v1/media/:id', 'POST /api/v1/push/subscription'] },
  // Filters that blur.
  { level: 5, routes: ['POST /api/v2/filters'] },
  // Featured people on profiles.
  { level: 6, routes: ['GET /api/v1/accounts/:id/endorsements', 'POST /api/v1/accounts/:id/endorse'] },
  // Quotes.
  { level: 7, routes: ['PUT /api/v1/statuses/:id/interaction_policy', 'GET /api/v1/statuses/:id/quotes'] },
]

/** `routes` as `METHOD path`. */
export function apiLevel(routes: ReadonlySet<string>): number {
  const firstMissing = LEVELS.find((level) => !level.routes.every((route) => routes.has(route)))
  return firstMissing === undefined ? (LEVELS.at(-1)?.level ?? 0) : firstMissing.level - 1
}
