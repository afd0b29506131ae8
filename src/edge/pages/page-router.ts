/**
 * Routes for people. Every form is checked against forgery before its handler runs; there is no way to register one
 * without. Browsers only know GET and POST, so `_method` in a form stands for the others, as in Rails.
 */
import type { AppError } from '../../kit/errors.ts'
import { notFound } from '../../kit/errors.ts'
import type { Call } from '../call.ts'
import { refusalOf } from '../errors.ts'
import type { ThrottleName } from '../rate-limits.ts'
import type { Edge } from '../routing.ts'
import type { Html } from './html.ts'
import { errorPage } from './message-page.ts'
import type { PageSettings } from './page-settings.ts'
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
  readonly #settings: Pick<PageSettings, 'title'>

  constructor(edge: Edge, visits: Visits, settings: Pick<PageSettings, 'title'>) {
    this.#edge = edge
    this.#visits = visits
    this.#settings = settings
  }

  page(path: string, handler: PageHandler, limits: readonly ThrottleName[] = []): void {
    this.#edge.route({
      method: 'GET',
      path,
      auth: 'public',
      limits,
      answers: 'other',
      handler: (call) => this.#answer(call, async () => handler({ call, ...(await this.#visits.read(call)) })),
    })
  }

  form(path: string, handlers: FormHandlers, limits: readonly ThrottleName[] = []): void {
    this.#edge.route({
      method: ['POST', 'PUT', 'PATCH', 'DELETE'],
      path,
      auth: 'public',
      limits,
      answers: 'other',
      handler: (call) =>
        this.#answer(call, async () => {
          const handler = handlers[verbOf(call)]
          if (handler === undefined) throw notFound()
          const visit = await this.#visits.read(call)
          this.#visits.checkForm(call, visit)
          return handler({ call, ...visit })
        }),
    })
  }

  /** Faults become pages here, even for a browser that did not say that it takes HTML; bugs go on to the server. */
  async #answer(call: Call, work: () => Promise<PageAnswer>): Promise<unknown> {
    try {
      return send(call, await work())
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal === undefined) throw error
      for (const [name, value] of Object.entries(refusal.headers)) call.setHeader(name, value)
      return send(call, { page: errorPage(this.#settings, refusal.status, refusal.message), status: refusal.status })
    }
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
