/**
 * What clients ask at every start and this release does not have yet: they get the answer of a server where nobody has
 * made any (an empty list, or no subscription), not an error.
 */
import type { Edge } from '../routing.ts'
import type { Scope } from '../scopes.ts'

export function miscRoutes(edge: Edge): void {
  // Announcements ask for a person but for no scope.
  emptyList(edge, '/api/v1/announcements', [])
}

function emptyList(edge: Edge, path: string, scopes: readonly Scope[]): void {
  edge.route({ method: 'GET', path, auth: 'user', scopes, handler: () => [] })
}
