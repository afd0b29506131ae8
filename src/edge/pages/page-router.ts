/**
 * Routes for people. Every form is checked against forgery before its handler runs; there is no way to register one
 * without. Browsers only know GET and POST, so `_method` in a form stands for the others, as in Rails.
 */
import type { AppError } from '../../kit/errors.ts'
import { notFound } from '../../kit/errors.ts'
import type { Call } from '../call.ts'
import type { ThrottleName } from '../rate-limits.ts'
import type { Edge } from '../routing.ts'
import type { Html } from './html.ts'
import type { Visit, Visits } from './visits.ts'

export interface PageCall extends Visit {
  call: Call
}

/** A page, or another address: `to` must be a path of ours, or an address that an app has registered. */
export type PageAnswer =
  | { page: Html; status?: number; formAction?: string | undefined }
  | { to: string; status?: 302 | 303 }

export type PageHandler = (visit: PageCall) => Promise<PageAnswer> | PageAnswer

export interface FormHandlers {
  post?: PageHandler
  put?: PageHandler
  delete?: PageHandler
}

export class PageRouter {
  readonly #edge: Edge
  readonly #visits: Visits

  constructor(edge: Edge, visits: Visits) {
    this.#edge = edge
    this.#visits = visits
  }

  page(path: string, handler: PageHandler, limits: readonly ThrottleName[] = []): void {
    this.#edge.route({
      method: 'GET',
      path,
      auth: 'public',
      limits,
      answers: 'other',
      handler: async (call) => send(call, await handler({ call, ...(await this.#visits.read(call)) })),
    })
  }

  form(path: string, handlers: FormHandlers, limits: readonly ThrottleName[] = []): void {
    this.#edge.route({
      method: ['POST', 'PUT', 'PATCH', 'DELETE'],
      path,
      auth: 'public',
      limits,
      answers: 'other',
      handler: async (call) => {
        const handler = handlers[verbOf(call)]
        if (handler === undefined) throw notFound()
        const visit = await this.#visits.read(call)
        this.#visits.checkForm(call, visit)
        return send(call, await handler({ call, ...visit }))
      },
    })
  }
}

function verbOf(call: Call): keyof FormHandlers {
  const meant = call.request.method === 'POST' ? (call.params.text('_method') ?? 'post') : call.request.method
  const verb = meant.toLowerCase()
  if (verb === 'delete') return 'delete'
  return verb === 'put' || verb === 'patch' ? 'put' : 'post'
}

function send(call: Call, answer: PageAnswer): unknown {
  // Same-origin instead of none: without a referrer policy that allows it, browsers send `Origin: null` with our forms.
  call.setHeader('referrer-policy', 'same-origin')
  if ('to' in answer) return call.redirect(answer.to, answer.status ?? 302)
  call.status(answer.status ?? 200)
  call.setHeader('content-type', 'text/html; charset=utf-8')
  call.setHeader('content-security-policy', contentPolicy(answer.formAction))
  return answer.page.toString()
}

function contentPolicy(formAction: string | undefined): string {
  const forms = formAction === undefined ? "'self'" : `'self' ${formAction}`
  return `default-src 'none'; style-src 'self'; img-src 'self'; form-action ${forms}; frame-ancestors 'none'; base-uri 'none'`
}

/** The status with which a form goes back to the person: what they can mend is 422. */
export function formStatus(error: AppError): number {
  const statuses: Partial<Record<AppError['code'], number>> = { too_many: 429, unavailable: 503, forbidden: 403 }
  return statuses[error.code] ?? 422
}
