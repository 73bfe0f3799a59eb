/** The `boilstream-admin` command. */
import { runAdmin } from './admin.ts';

process.exitCode = await runAdmin(process.argv.slice(2), {
  environment: process.env,
  home: process.env['HOME'] ?? '.',
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
