/** A pod as the Python clients under test/bench/clients are told of it: one `--target` text, no password in it. */
import { join } from 'node:path';
import { type Pod, projectRoot } from './pod.ts';

/** The folder with the Python clients of benchmarks and of TPC-H. */
export const benchClients = join(projectRoot, 'test', 'bench', 'clients');

/** `name=…;host=…;…;pid=…` for `--target`. */
export function benchTarget(pod: Pod, name = 'boilstream', database = 'lake'): string {
  const { host, port } = pod.pgwire;
  const pairs = {
    name,
    host,
    port,
    user: pod.user,
    db: database,
    passfile: pod.pgpassPath,
    sslrootcert: pod.caPath,
    pid: pod.pid,
  };
  return Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join(';');
}
