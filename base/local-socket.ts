/** Where the pod of a data directory listens for tools on the same machine. The path follows from the directory alone, so tools find it. */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folder of the pod's Unix sockets (0700). A socket's path holds at most 107 bytes; a deep data dir gets them under the temporary folder. */
export function socketDirOf(dataDir: string): string {
  const wanted = join(dataDir, 'run');
  if (Buffer.byteLength(join(wanted, '.s.PGSQL.5432')) <= 100) return wanted;
  return join(
    tmpdir(),
    `boilstream-${process.getuid?.() ?? 0}-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`,
  );
}

/** The socket that serves the REST API; `dataDir` is absolute. */
export function adminSocketPath(dataDir: string): string {
  return join(socketDirOf(dataDir), 'admin.sock');
}
