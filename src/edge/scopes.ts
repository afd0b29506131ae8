/** Scopes are the accounts' knowledge; routes name them. */
export type { Scope } from '../accounts/contract.ts'
