/** The `dunlin` program. Only `serve` needs all of it, so that only `serve` waits until all of it is loaded. */
import { runCli } from './cli/main.ts'

process.exitCode = await runCli(process.argv.slice(2), {
  serve: async (invocation) => (await import('./roles/serve.ts')).serve(invocation),
})
