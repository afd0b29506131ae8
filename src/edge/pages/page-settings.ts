/** What the pages say and allow; from the configuration. */
export interface PageSettings {
  /** The server's name. */
  title: string
  /** A sentence or two, plain text. */
  description: string
  rules: readonly string[]
  contactEmail: string | null
  registrations: 'open' | 'approval' | 'closed'
  /** The preset answer to "who may find my posts?". */
  indexableByDefault: boolean
  /** Refuse every authorization request without PKCE. */
  requirePkce: boolean
  /** `localhost:3000`: what people type into an app as the server. */
  domain: string
  /** Where every link begins: `http://localhost:3000`. */
  baseUrl: string
}
