/** As many as a server has by itself, or API_THREADS of them: to find out how many are best. */
export function apiThreads(): number | 'by cores' {
  const wanted = process.env['API_THREADS']
  return wanted === undefined ? 'by cores' : Number(wanted)
}
