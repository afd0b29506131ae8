/** The `dunlin` program. */
import { runCli } from './cli/main.ts'
import { serve } from './roles/serve.ts'

process.exitCode = await runCli(process.argv.slice(2), { serve })
