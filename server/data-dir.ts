/**
 * The pod's own folder: made on first start with the secrets a single pod generates for itself. Secrets are 0600 and
 * never overwritten. A lock keeps a second pod out of the same folder; the store's fencing would depose the first one
 * otherwise, which is right for a cluster and a nasty surprise on one machine.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { LakeError } from '../base/errors.ts';
import { adminSocketPath, socketDirOf } from '../base/local-socket.ts';
import type { Random } from '../base/random.ts';
import { writeWhole } from './certificates.ts';

export interface DataDir {
  readonly path: string;
  readonly superadminPasswordPath: string;
  readonly encryptionKeyPath: string;
  /** Folder for spilled queries and spooled COPY data; emptied at start. */
  readonly spillDir: string;
  /** Folder for the local copy of the replicated databases; a cache. */
  readonly cacheDir: string;
  /** Unix socket that `boilstream drain|status` and the local CLI use. */
  readonly adminSocket: string;
  /** Folder of the metadata worker's PostgreSQL socket. */
  readonly socketDir: string;
  release(): void;
}

/** Makes what is missing and locks the folder. Throws config_invalid with what to do. */
export function openDataDir(
  path: string,
  random: Random,
  given: { superadminPasswordPath?: string | undefined; encryptionKeyPath?: string | undefined },
): DataDir {
  const make = (folder: string, mode = 0o700): string => {
    try {
      mkdirSync(folder, { recursive: true, mode });
    } catch (error) {
      throw new LakeError(
        'config_invalid',
        `the data directory ${folder} cannot be made: ${(error as Error).message}; set BOILSTREAM_DATA_DIR to a folder this user may write`,
      );
    }
    return folder;
  };
  make(path, 0o755);
  const release = lock(path);
  const secret = (file: string, content: () => string): string => {
    if (!existsSync(file)) writeWhole(file, content(), 0o600);
    return file;
  };
  try {
    const superadminPasswordPath =
      given.superadminPasswordPath ??
      secret(join(path, 'superadmin-password'), () => `${random.bytes(18).toString('base64url')}\n`);
    const encryptionKeyPath =
      given.encryptionKeyPath ?? secret(join(path, 'encryption-key'), () => `${random.bytes(32).toString('hex')}\n`);
    if (statSync(superadminPasswordPath).size === 0)
      throw new LakeError('config_invalid', `the superadmin password file ${superadminPasswordPath} is empty`);
    const spillDir = join(path, 'spill');
    rmSync(spillDir, { recursive: true, force: true });
    make(spillDir);
    const socketDir = make(socketDirOf(path));
    const owner = statSync(socketDir);
    if ((owner.mode & 0o077) !== 0 || owner.uid !== (process.getuid?.() ?? owner.uid)) {
      throw new LakeError(
        'config_invalid',
        `the socket directory ${socketDir} is open to other users; chmod 700 it or remove it`,
      );
    }
    return {
      path,
      superadminPasswordPath,
      encryptionKeyPath,
      spillDir,
      cacheDir: make(join(path, 'cache')),
      adminSocket: adminSocketPath(path),
      socketDir,
      release,
    };
  } catch (error) {
    release();
    if (error instanceof LakeError) throw error;
    throw new LakeError('config_invalid', `the data directory ${path} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function lock(path: string): () => void {
  const file = join(path, 'pod.lock');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const fd = openSync(file, 'wx', 0o644);
      writeSync(fd, `${process.pid} ${startTimeOf(process.pid)}\n`);
      closeSync(fd);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new LakeError(
          'config_invalid',
          `the data directory ${path} cannot be written: ${(error as Error).message}; set BOILSTREAM_DATA_DIR to a folder this user may write`,
        );
      }
      const [pid, started] = readFileSync(file, 'utf8').trim().split(' ');
      if (pid && started && Number(pid) !== process.pid && startTimeOf(Number(pid)) === started) {
        throw new LakeError(
          'config_invalid',
          `another pod (pid ${pid}) runs in ${path}; stop it, or set BOILSTREAM_DATA_DIR to another folder`,
        );
      }
      rmSync(file, { force: true });
    }
  }
  throw new LakeError('config_invalid', `the lock ${file} is contended; is another pod starting here?`);
}

/** Start time of a process in clock ticks, so that a reused pid is not taken for the old pod; '-' where /proc is missing. */
function startTimeOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? 'gone';
  } catch {
    if (existsSync('/proc/self')) return 'gone';
    try {
      process.kill(pid, 0);
      return '-';
    } catch {
      return 'gone';
    }
  }
}

/** Who listens on a TCP port of this machine: `postgres (pid 4711)`, or undefined when that cannot be told. */
export function portHolder(port: number): string | undefined {
  try {
    const wanted = port.toString(16).toUpperCase().padStart(4, '0');
    const inodes = new Set<string>();
    for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
      if (!existsSync(table)) continue;
      for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
        const fields = line.trim().split(/\s+/);
        if (fields[1]?.endsWith(`:${wanted}`) && fields[3] === '0A') inodes.add(`socket:[${fields[9]}]`);
      }
    }
    for (const pid of readdirNumeric('/proc')) {
      for (const fd of readdirNumeric(`/proc/${pid}/fd`)) {
        try {
          if (inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`)))
            return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (pid ${pid})`;
        } catch {
          // The process or descriptor went away between listing and reading.
        }
      }
    }
  } catch {
    // Not Linux, or not allowed to look: the message does without the name.
  }
  return undefined;
}

function readdirNumeric(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Writes the libpq password file for the superadmin, so that printed commands need no secret. */
export function writePgpass(path: string, host: string, port: number, user: string, password: string): void {
  const escape = (text: string): string => text.replace(/[\\:]/g, '\\$&');
  const hosts = [...new Set([host, 'localhost', '127.0.0.1'])];
  writeWhole(path, hosts.map((name) => `${escape(name)}:${port}:*:${escape(user)}:${escape(password)}\n`).join(''), 0o600);
}
