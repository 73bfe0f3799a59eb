/**
 * Fills `.cache/extensions/v<version>/<platform>/` with the signed DuckDB extensions, each checked against its SHA-256:
 * DuckDB's own INSTALL is asked first, and where its server is out of reach the wheels on PyPI, which carry the same
 * files. DuckDB checks the signature again at every LOAD; unsigned extensions are never allowed.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { duckdbVersion, type ExtensionName, extensionSha256 } from '../../server/engine/extension-pins.ts';
import { duckdbPlatform } from '../../server/engine/extensions.ts';
import { readZipEntry } from './zip.ts';

const run = promisify(execFile);
const cacheDir = fileURLToPath(new URL('../../.cache/', import.meta.url));
/** INSTALL of one extension: long enough for a slow line, short enough not to look like a hang. */
const installDeadlineMs = 30_000;
const downloadDeadlineMs = 300_000;

/** Puts every pinned extension into the cache. Throws, saying what was tried, when one is not to be had. */
export async function setUpExtensions(): Promise<void> {
  const pins = extensionSha256[duckdbPlatform()];
  if (!pins)
    throw new Error(
      `no DuckDB extensions are pinned for ${duckdbPlatform()}: use one of ${Object.keys(extensionSha256).join(', ')}`,
    );
  const home = join(cacheDir, 'extensions', duckdbVersion, duckdbPlatform());
  mkdirSync(home, { recursive: true });
  const wanted = (Object.keys(pins) as ExtensionName[]).filter((name) => !isPinned(join(home, `${name}.duckdb_extension`), name));
  if (wanted.length === 0) return;
  process.stderr.write(`boilstream: fetching DuckDB extensions ${wanted.join(', ')} …\n`);
  const scratch = mkdtempSync(join(cacheDir, 'fetch-'));
  try {
    const fetched = await fromInstall(wanted, scratch);
    for (const name of wanted) {
      const candidate = fetched.get(name);
      const bytes = candidate && isPinned(candidate, name) ? readFileSync(candidate) : await fromWheel(name, scratch);
      const part = join(scratch, `${name}.checked`);
      writeFileSync(part, bytes);
      if (!isPinned(part, name))
        throw new Error(
          `the file for extension ${name} has SHA-256 ${sha256(bytes)}, which is not the pinned one: it was not installed`,
        );
      renameSync(part, join(home, `${name}.duckdb_extension`));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Whether the file is, byte for byte, the pinned one. */
function isPinned(path: string, name: ExtensionName): boolean {
  return existsSync(path) && sha256(readFileSync(path)) === extensionSha256[duckdbPlatform()]?.[name];
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** DuckDB's INSTALL in a process of its own, which can be ended at the deadline. Returns what came, by name. */
async function fromInstall(names: readonly ExtensionName[], scratch: string): Promise<Map<ExtensionName, string>> {
  const program = `
    import { DuckDBInstance } from '@duckdb/node-api';
    const instance = await DuckDBInstance.create(':memory:', { extension_directory: process.argv[1] });
    const connection = await instance.connect();
    for (const name of process.argv.slice(2)) await connection.run('INSTALL ' + name);`;
  try {
    await run(process.execPath, ['--input-type=module', '--eval', program, scratch, ...names], {
      timeout: installDeadlineMs,
      killSignal: 'SIGKILL',
      cwd: join(cacheDir, '..'),
    });
  } catch {
    // Out of reach or too slow: what did come is taken, the wheels bring the rest.
  }
  const folder = join(scratch, duckdbVersion, duckdbPlatform());
  return new Map(names.map((name) => [name, join(folder, `${name}.duckdb_extension`)]));
}

/** The signed file out of the wheel that PyPI has for this machine, fetched by pip. */
async function fromWheel(name: ExtensionName, scratch: string): Promise<Buffer> {
  const requirement = `duckdb-extension-${name.replaceAll('_', '-')}==${duckdbVersion.slice(1)}`;
  const folder = mkdtempSync(join(scratch, 'wheel-'));
  const reasons: string[] = [];
  for (const [program, ...first] of [['python3', '-m', 'pip'], ['pip3'], ['pip']] as const) {
    const args = [...first, 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', folder, requirement];
    try {
      await run(program, args, { timeout: downloadDeadlineMs });
      break;
    } catch (error) {
      reasons.push(
        `${program}: ${String((error as { stderr?: string }).stderr || (error as Error).message)
          .trim()
          .split('\n')
          .at(-1)}`,
      );
    }
  }
  const wheel = readdirSync(folder).find((file) => file.endsWith('.whl'));
  if (!wheel) {
    throw new Error(
      `DuckDB extension ${name} ${duckdbVersion} could not be fetched: DuckDB's INSTALL did not bring the pinned file, and neither did pip (${reasons.join('; ')}). ` +
        'Get online, install Python with pip, or point BOILSTREAM_EXTENSION_DIR to a folder that holds the .duckdb_extension files',
    );
  }
  return readZipEntry(readFileSync(join(folder, wheel)), (entry) => entry.endsWith(`/${name}.duckdb_extension`));
}
