/**
 * The text as a path of this server, or undefined. Browsers read `//host`, `/\host` and `/<tab>/host` as another host, so
 * anything that is not plainly a path is refused rather than mended.
 */
export function localPath(text: string | undefined): string | undefined {
  if (text === undefined || !/^\/(?!\/)[!-[\]-~]*$/.test(text)) return undefined
  const base = 'http://local.invalid'
  if (!URL.canParse(text, base)) return undefined
  const url = new URL(text, base)
  return url.origin === base && !url.pathname.startsWith('//') ? url.pathname + url.search : undefined
}
