/**
 * Every JSON answer that a journey gets is held against the tables of the Mastodon API: `watchConformance()` at its start
 * makes each `fetch` of this process check what comes back, and fail the call when an entity is incomplete.
 */
import assert from 'node:assert/strict'

import { checkResponse } from './schema.ts'

let watching = false

export function watchConformance(): void {
  if (watching) return
  watching = true
  const plainFetch = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const response = await plainFetch(input, init)
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    if (!isJson) return response
    const request = input instanceof Request ? input : undefined
    const url = new URL(input instanceof Request ? input.url : input.toString())
    const method = init?.method ?? request?.method ?? 'GET'
    const body: unknown = await response.clone().json()
    const isApi = url.pathname.startsWith('/api/')
    if (!response.ok && !isApi) return response
    const problems = checkResponse(method, url.pathname, body, { status: response.status })
    assert.deepEqual(problems, [], `${method} ${url.pathname} does not keep to the API`)
    return response
  }
}
