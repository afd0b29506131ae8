/** Whether the server lives, and whether it should be sent requests: for supervisors, proxies and people. */
import type { Edge } from '../routing.ts'

/** The parts that a request needs, each true when it works. */
type Checks = Record<string, boolean>

export interface HealthDeps {
  /** Quick, and never throws: asked on every look. */
  checks: () => Promise<Checks>
}

export function healthRoutes(edge: Edge, deps: HealthDeps): void {
  // Alive: the process answers. Nothing else, or a slow database would have the supervisor kill a healthy server.
  edge.route({ method: 'GET', path: '/livez', auth: 'public', handler: () => ({ status: 'ok' }) })
  edge.route({
    method: 'GET',
    path: '/readyz',
    auth: 'public',
    handler: async (call) => {
      const checks: Checks = { ...(await deps.checks()), accepting: !edge.draining }
      const ready = Object.values(checks).every(Boolean)
      if (!ready) call.status(503)
      return { status: ready ? 'ok' : 'unavailable', checks }
    },
  })
  plain(edge, '/health', () => 'OK')
  plain(edge, '/api/v1/streaming/health', () => 'OK')
}

function plain(edge: Edge, path: string, text: () => string): void {
  edge.route({
    method: 'GET',
    path,
    auth: 'public',
    answers: 'other',
    handler: (call) => {
      call.setHeader('content-type', 'text/plain; charset=utf-8')
      return text()
    },
  })
}
