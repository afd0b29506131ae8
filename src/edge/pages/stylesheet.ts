/**
 * The one stylesheet of the pages, and their icon. Served under a name that contains its hash, so that browsers may keep
 * it for ever and the content security policy needs no exception for inline styles.
 */
import { hash } from 'node:crypto'

const CSS = `
:root {
  color-scheme: light dark;
  --ground: #eef1f4; --paper: #ffffff; --ink: #17212b; --quiet: #536170; --line: #c9d1d9;
  --accent: #1d5f8a; --accent-ink: #ffffff; --accent-soft: #e3eff7; --bad: #a3262c; --bad-soft: #fbeaea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10161c; --paper: #1a222b; --ink: #e8edf2; --quiet: #a3b1bf; --line: #3b4855;
    --accent: #7cc0ec; --accent-ink: #0b1a26; --accent-soft: #20394b; --bad: #ff9d9d; --bad-soft: #3d2023;
  }
}
* { box-sizing: border-box; }
html { font: 100%/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; align-items: center; gap: 1.25rem;
  padding: 1.5rem 1rem 2rem; background: var(--ground); color: var(--ink); }
header a { display: inline-flex; align-items: center; gap: .6rem; color: inherit; font-weight: 650; font-size: 1.15rem;
  text-decoration: none; overflow-wrap: anywhere; }
header svg { flex: none; width: 2.25rem; height: 2.25rem; color: var(--accent); }
main { width: 100%; max-width: 30rem; padding: 1.75rem; background: var(--paper); border: 1px solid var(--line);
  border-radius: .9rem; overflow-wrap: break-word; }
main.wide { max-width: 42rem; }
footer { color: var(--quiet); font-size: .875rem; text-align: center; }
h1 { margin: 0 0 .75rem; font-size: 1.45rem; line-height: 1.25; }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
p { margin: 0 0 1rem; }
ul, ol { margin: 0 0 1rem; padding-left: 1.3rem; }
li { margin: .3rem 0; }
a { color: var(--accent); }
a:focus-visible, button:focus-visible, input:focus-visible, textarea:focus-visible {
  outline: 3px solid var(--accent); outline-offset: 2px; }
.quiet { color: var(--quiet); }
.small { font-size: .9rem; }
.field { margin: 0 0 1.1rem; }
.field label, legend { display: block; font-weight: 600; margin-bottom: .25rem; padding: 0; }
.hint, .fault { display: block; margin-top: .3rem; font-size: .875rem; }
.hint { color: var(--quiet); }
.fault { color: var(--bad); font-weight: 600; }
input[type=text], input[type=password], textarea { width: 100%; min-height: 2.75rem; padding: .5rem .7rem; font: inherit;
  color: inherit; background: var(--paper); border: 1px solid var(--quiet); border-radius: .5rem; }
textarea { min-height: 6rem; resize: vertical; }
[aria-invalid=true] { border-color: var(--bad); border-width: 2px; }
.with-suffix { display: flex; align-items: center; gap: .4rem; }
.with-suffix input[type=text] { flex: 1 1 8rem; width: auto; min-width: 0; }
.with-suffix span { flex: 0 1 auto; max-width: 55%; color: var(--quiet); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
fieldset { margin: 0 0 1.1rem; padding: 0; border: 0; }
.choice, .field .choice { display: flex; gap: .6rem; align-items: flex-start; margin: 0; padding: .35rem 0; font-weight: 400; }
.choice input { flex: none; width: 1.25rem; height: 1.25rem; margin: .15rem 0 0; accent-color: var(--accent); }
button, .button { display: inline-flex; align-items: center; justify-content: center; min-height: 2.75rem;
  padding: .55rem 1.2rem; font: inherit; font-weight: 650; line-height: 1.25; text-align: center; text-decoration: none; cursor: pointer; border-radius: .5rem; border: 1px solid var(--accent);
  background: var(--accent); color: var(--accent-ink); }
button:hover, .button:hover { filter: brightness(1.08); }
.plain { background: transparent; color: var(--accent); }
.danger { border-color: var(--bad); background: transparent; color: var(--bad); }
.small-button { min-height: 2.25rem; padding: .25rem .8rem; font-size: .9rem; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0 0; }
.actions form { flex: 1 1 10rem; }
.actions button, .actions .button, .full { width: 100%; }
.actions .button { flex: 1 1 10rem; }
.note, .alert { margin: 0 0 1.1rem; padding: .75rem .95rem; border-radius: .5rem; }
.note { background: var(--accent-soft); }
.alert { background: var(--bad-soft); color: var(--bad); font-weight: 600; }
.note > :last-child, .alert > :last-child { margin-bottom: 0; }
.code { display: block; padding: .8rem; font: 1.05rem/1.4 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace;
  background: var(--accent-soft); border-radius: .5rem; overflow-wrap: anywhere; user-select: all; }
.rows { list-style: none; margin: 0; padding: 0; }
.rows li { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between;
  padding: .8rem 0; margin: 0; border-top: 1px solid var(--line); }
.rows div { flex: 1 1 14rem; min-width: 0; overflow-wrap: anywhere; }
.links { margin: 1.25rem 0 0; }
.banner { display: block; width: 100%; height: auto; aspect-ratio: 3; object-fit: cover; border-radius: .5rem; }
.face { width: 5rem; height: 5rem; object-fit: cover; border-radius: .75rem; margin: 1rem 0 .5rem; }
.post { padding: 1rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.post:first-child { padding-top: 0; border-top: 0; }
.post p { margin: 0 0 .6rem; }
.post img { display: block; max-width: 100%; height: auto; margin: .5rem 0; border-radius: .5rem; }
.post summary { cursor: pointer; margin: 0 0 .6rem; font-weight: 600; }
.invisible { display: none; }
.ellipsis::after { content: "…"; }
dl { margin: 0 0 1rem; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
@media (prefers-contrast: more) { :root { --quiet: var(--ink); --line: var(--ink); } }
`

/** A wader in flight; the same drawing heads the pages. */
export const BIRD_PATH =
  'M2 17c5-1 9-4 12-9 1-2 3-4 6-5-1 3 0 5 2 6 3 1 5 0 8 1l-6 2c-1 5-5 9-10 9-2 0-3 1-4 3-1-2-2-3-4-3-2-1-3-2-4-4z'

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 28"><path fill="#1d5f8a" d="${BIRD_PATH}"/></svg>`

export interface Asset {
  path: string
  type: string
  text: string
}

export const STYLESHEET: Asset = asset('pages', 'css', 'text/css; charset=utf-8', CSS)
export const PAGE_ICON: Asset = asset('bird', 'svg', 'image/svg+xml', ICON)

function asset(name: string, extension: string, type: string, text: string): Asset {
  const fingerprint = hash('sha256', text, 'hex').slice(0, 12)
  return { path: `/pages/${name}-${fingerprint}.${extension}`, type, text }
}
