/**
 * Finds DuckDB's signed extension binaries on this machine and loads them. It never downloads while serving (set-up
 * does that) and never allows unsigned ones: DuckDB checks the signature, we check a pinned SHA-256 where we have one.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DuckDBConnection } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { quoteString } from '../../base/sql-lexer.ts';
import { processEnvironment } from '../config/environment.ts';
import { duckdbVersion, type ExtensionName, extensionSha256 } from './extension-pins.ts';

/** DuckDB's name of this machine (`linux_amd64`, `osx_arm64`, …). */
export function duckdbPlatform(): string {
  const system =
    ({ linux: 'linux', darwin: 'osx', win32: 'windows' } as Record<string, string>)[process.platform] ?? process.platform;
  const machine = ({ x64: 'amd64', arm64: 'arm64' } as Record<string, string>)[process.arch] ?? process.arch;
  return `${system}_${machine}`;
}

/** Directories that are searched, in order: BOILSTREAM_EXTENSION_DIR, then the checkout's (or package's) cache. */
export function extensionDirectories(environment: Readonly<Record<string, string | undefined>> = processEnvironment): string[] {
  const local = environment['BOILSTREAM_EXTENSION_DIR'];
  return [
    ...(local ? [local, join(local, duckdbVersion, duckdbPlatform())] : []),
    join(packageRoot(), '.cache', 'extensions', duckdbVersion, duckdbPlatform()),
  ];
}

/** Path of the extension's binary. Throws `not_found` that says how to get it. */
export function extensionPath(
  name: ExtensionName,
  environment: Readonly<Record<string, string | undefined>> = processEnvironment,
): string {
  const directories = extensionDirectories(environment);
  for (const directory of directories) {
    const path = join(directory, `${name}.duckdb_extension`);
    if (existsSync(path)) return path;
  }
  throw new LakeError('not_found', `DuckDB extension ${name} ${duckdbVersion} for ${duckdbPlatform()} is not here`, {
    hint: 'Run `npm run setup` once while connected to the network, or point BOILSTREAM_EXTENSION_DIR at a directory that holds the .duckdb_extension files.',
    detail: `Looked in ${directories.join(', ')}.`,
  });
}

/** LOADs extensions on a connection; every instance needs it once. Throws `corrupt` when a pinned checksum differs. */
export async function loadExtensions(
  connection: DuckDBConnection,
  names: readonly ExtensionName[],
  environment: Readonly<Record<string, string | undefined>> = processEnvironment,
): Promise<void> {
  for (const name of names) {
    const path = extensionPath(name, environment);
    await verifyExtension(name, path);
    await connection.run(`LOAD ${quoteString(path)}`);
  }
}

/** Files whose checksum was seen to be right, with the size and time they had, so that an instance does not read 40 MB again. */
const verified = new Map<string, string>();

/** Compares the file with the pinned checksum; a file that has not changed since is not read again. */
export async function verifyExtension(name: ExtensionName, path: string): Promise<void> {
  const expected = extensionSha256[duckdbPlatform()]?.[name];
  if (expected === undefined) return;
  const { size, mtimeMs } = statSync(path);
  const stamp = `${size}:${mtimeMs}`;
  if (verified.get(path) === stamp) return;
  const hash = createHash('sha256');
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(part as Buffer);
  if (hash.digest('hex') !== expected) {
    throw new LakeError('corrupt', `DuckDB extension ${path} is not the one this version was built for`, {
      hint: 'Remove the file and run `npm run setup`.',
    });
  }
  verified.set(path, stamp);
}

/** The directory that holds package.json, from the sources as well as from the compiled tree. */
function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json')) && dirname(directory) !== directory) directory = dirname(directory);
  return directory;
}
