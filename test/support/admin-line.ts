/** `boilstream-admin` against a pod, as on the pod's machine with no session. */
import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { runAdmin } from '../../cli/admin.ts';
import type { Pod } from './pod.ts';

export interface AdminRan {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line to its end, whatever that is. */
export async function adminLine(pod: Pick<Pod, 'dataDir'>, ...argv: string[]): Promise<AdminRan> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await runAdmin(argv, {
    environment: { BOILSTREAM_DATA_DIR: pod.dataDir },
    home: pod.dataDir,
    cwd: pod.dataDir,
    stdin: Readable.from([]),
    stdout,
    stderr,
  });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

/** Runs a command that must succeed, with `--json`; resolves to its answer. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
export async function adminJson(pod: Pick<Pod, 'dataDir'>, ...argv: string[]): Promise<any> {
  const ran = await adminLine(pod, ...argv, '--json');
  assert.equal(ran.code, 0, `${argv.join(' ')}: ${ran.stderr}`);
  return JSON.parse(ran.stdout);
}
