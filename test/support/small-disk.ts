/**
 * A small disk of its own (tmpfs in a mount namespace, no privileges needed where user namespaces are allowed), which a
 * test can fill, free, and make read-only. Linux only.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SmallDisk {
  /** Put before a command, it sees the disk: for `PodOptions.through`. */
  readonly through: readonly string[];
  /** Runs a shell text that sees the disk; throws with its stderr. */
  shell(text: string): string;
  /** Writes until there is no space left. */
  fill(): void;
  free(): void;
  /** Only while nobody has a file open for writing on it. */
  readOnly(isReadOnly: boolean): void;
  close(): void;
}

/** Mounts an empty disk at `path`. Null, with the test marked as skipped, where that is not allowed; throws under CI=true. */
export async function openSmallDisk(t: TestContext, path: string, megabytes: number): Promise<SmallDisk | null> {
  mkdirSync(path, { recursive: true });
  const mount = `mount -t tmpfs -o size=${megabytes}m,mode=0755 tmpfs "$0" && echo mounted && exec sleep 100000`;
  const holder = spawn('unshare', ['-Urm', 'sh', '-c', mount, path], { stdio: ['ignore', 'pipe', 'pipe'] });
  if (!(await isMounted(holder))) {
    holder.kill('SIGKILL');
    const text = 'a disk of its own needs unprivileged user namespaces (util-linux unshare) or root';
    if (process.env['CI'] === 'true') throw new Error(text);
    t.skip(text);
    return null;
  }
  const through = ['nsenter', '-t', String(holder.pid), '-U', '-m', '--preserve-credentials'];
  const shell = (text: string): string => {
    const done = spawnSync(through[0] as string, [...through.slice(1), 'sh', '-c', text], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`${text}: ${done.stderr}`);
    return done.stdout;
  };
  return {
    through,
    shell,
    fill: () => void shell(`dd if=/dev/zero of='${path}/filler' bs=4k 2>/dev/null; true`),
    free: () => void shell(`rm -f '${path}/filler'`),
    readOnly: (isReadOnly) => void shell(`mount -o remount,${isReadOnly ? 'ro' : 'rw'} '${path}'`),
    close: () => void holder.kill('SIGKILL'),
  };
}

async function isMounted(holder: ChildProcess): Promise<boolean> {
  let said = '';
  let isOver = false;
  holder.stdout?.on('data', (data: Buffer) => (said += data.toString()));
  holder.on('exit', () => (isOver = true));
  holder.on('error', () => (isOver = true));
  for (let i = 0; i < 500 && !isOver && !said.includes('mounted'); i++) await sleep(10);
  return said.includes('mounted');
}
