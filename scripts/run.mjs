/**
 * What `npm start`, `npm test` and the other npm scripts call. Runs on any Node >= 20: brings the dependencies up to date
 * with package-lock.json, finds the Node that the project brings along (docs/decisions/0001) and hands over to it.
 * When everything is set up it does nothing but compare one hash and hand over, because `npm start` has to be quick.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, constants, platform } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(root, ...parts);

/** Each npm script: the file the project's Node runs, and the set-up it needs beside the dependencies. */
const commands = {
  // Compiled: it starts in half the time and needs 40 MB less than Node stripping types from each file.
  start: { entry: 'server/main.ts', compiled: 'server/main.js', setup: ['extensions'] },
  admin: { entry: 'cli/main.ts' },
  test: { entry: 'scripts/test.ts', arguments: ['short'], setup: ['extensions', 'test-clients'] },
  'test:long': { entry: 'scripts/test.ts', arguments: ['long'], setup: ['extensions', 'test-clients'] },
  bench: { entry: 'test/bench/run.ts', setup: ['extensions', 'test-clients'] },
  tpch: { entry: 'scripts/tpch.ts', setup: ['extensions', 'test-clients'] },
  build: { entry: 'scripts/build.ts' },
  typecheck: { entry: 'node_modules/typescript/bin/tsc', arguments: ['-p', 'tsconfig.json'] },
  lint: { entry: 'node_modules/@biomejs/biome/bin/biome', arguments: ['check', '.'] },
  format: { entry: 'node_modules/@biomejs/biome/bin/biome', arguments: ['check', '--write', '.'] },
  docs: { entry: 'scripts/config-docs.ts' },
  setup: { setup: ['extensions', 'test-clients'] },
};

const [name, ...rest] = process.argv.slice(2);
const command = commands[name];
if (!command) fail(`unknown command ${name ?? '(none)'}: one of ${Object.keys(commands).join(', ')}`, 2);

installDependencies();
const node = findRuntime();
if (command.setup) prepare(node, command.setup);
const compiled = command.compiled && compile(node);
if (command.entry)
  handOver(node, [compiled ? join(compiled, command.compiled) : at(command.entry), ...(command.arguments ?? []), ...rest]);

/** npm ci, without scripts of packages, when what lies in node_modules is not what package-lock.json says. */
function installDependencies() {
  const lockText = readFileSync(at('package-lock.json'));
  const wanted = createHash('sha256').update(lockText).digest('hex');
  const stampPath = at('node_modules', '.set-up-for');
  if (readOr(stampPath, '') === wanted) return;
  if (!installedMatches(JSON.parse(lockText))) {
    say('installing dependencies (npm ci) …');
    const npm = process.env.npm_execpath?.endsWith('.js')
      ? [process.execPath, process.env.npm_execpath]
      : [platform() === 'win32' ? 'npm.cmd' : 'npm'];
    const done = spawnSync(npm[0], [...npm.slice(1), 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    if (done.error)
      fail(`npm could not be started (${done.error.message}): install npm, or run "npm ci --ignore-scripts" yourself`);
    if (done.status !== 0) fail('npm ci failed, see above: is the npm registry reachable?');
  }
  writeFileSync(stampPath, wanted);
}

/** Whether npm's own record of node_modules has every package of the lock file that belongs on this machine. */
function installedMatches(lock) {
  const record = readOr(at('node_modules', '.package-lock.json'), '');
  if (!record) return false;
  const installed = JSON.parse(record).packages;
  const fits = (list, value) => !list || [list].flat().includes(value);
  return Object.entries(lock.packages).every(([path, entry]) => {
    if (!path.startsWith('node_modules/') || entry.link) return true;
    if (entry.optional && !(fits(entry.os, platform()) && fits(entry.cpu, arch()) && !entry.libc)) return true;
    return installed[path]?.version === entry.version;
  });
}

/** The Node inside node_modules for this machine; else this one, or the one on PATH, if new enough to run TypeScript. */
function findRuntime() {
  const require = createRequire(at('scripts', 'runtime', 'package.json'));
  for (const packageName of [`node-${platform()}-${arch()}`, `node-bin-${platform()}-${arch()}`]) {
    try {
      const binary = join(require.resolve(`${packageName}/package.json`), '..', 'bin', 'node');
      if (existsSync(binary)) return binary;
    } catch {
      // not a package for this machine: the next name
    }
  }
  if (isNewEnough(process.versions.node)) return process.execPath;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const binary = join(folder, platform() === 'win32' ? 'node.exe' : 'node');
    if (existsSync(binary) && isNewEnough(spawnSync(binary, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout ?? ''))
      return binary;
  }
  return fail(`no Node for ${platform()}-${arch()} comes with the project: install Node 22.18 or newer and put it on PATH`);
}

/**
 * Compiles the sources into a folder named for what they are, and returns it; null when they do not compile (they are
 * run as they are then). A pod that still runs from an older folder keeps it: the last few stay.
 */
function compile(binary) {
  const sources = [
    'base',
    'storage',
    'auth',
    'catalog',
    'cluster',
    'protocols',
    'server',
    'cli',
    'scripts/build.ts',
    'tsconfig.json',
    'tsconfig.build.json',
    'package-lock.json',
  ].flatMap(filesBelow);
  const hash = createHash('sha256')
    .update(sources.map((path) => `${path}:${statSync(at(path)).size}:${statSync(at(path)).mtimeMs}`).join('\n'))
    .digest('hex')
    .slice(0, 16);
  const builds = at('.cache', 'build');
  const folder = join(builds, hash);
  if (existsSync(folder)) return folder;
  say('compiling …');
  const beside = `${folder}.${process.pid}`;
  const done = spawnSync(binary, [at('scripts', 'build.ts'), beside], { cwd: root, stdio: ['ignore', 2, 2] });
  if (done.status !== 0) {
    rmSync(beside, { recursive: true, force: true });
    say('the sources do not compile, see above; running them as they are');
    return null;
  }
  try {
    renameSync(beside, folder);
  } catch {
    // Somebody else was quicker with the same sources.
    rmSync(beside, { recursive: true, force: true });
  }
  const byAge = readdirSync(builds)
    .map((name) => ({ name, made: statSync(join(builds, name)).mtimeMs }))
    .sort((a, b) => b.made - a.made);
  for (const { name } of byAge.slice(4)) rmSync(join(builds, name), { recursive: true, force: true });
  return folder;
}

function filesBelow(path) {
  if (!existsSync(at(path))) return [];
  if (!statSync(at(path)).isDirectory()) return [path];
  return readdirSync(at(path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

/**
 * Runs the steps of scripts/setup.ts whose inputs changed since they last succeeded. Test clients that are not to be had
 * do not stop anything here: the tests that need them fail (under CI=true) or are listed as not run.
 */
function prepare(binary, steps) {
  const inputs = {
    extensions: ['server/engine/extension-pins.ts'],
    'test-clients': [
      'scripts/setup/requirements.txt',
      'scripts/setup/node-clients/package-lock.json',
      'scripts/setup/test-clients.ts',
    ],
  };
  for (const step of steps) {
    if (step === 'extensions' && process.env.BOILSTREAM_EXTENSION_DIR) continue;
    const stamp = at('.cache', `${step}.set-up`);
    const wanted = inputs[step]
      .map((file) =>
        createHash('sha256')
          .update(readFileSync(at(file)))
          .digest('hex'),
      )
      .join(' ');
    if (readOr(stamp, '') === wanted) continue;
    mkdirSync(at('.cache'), { recursive: true });
    const done = spawnSync(binary, [at('scripts', 'setup.ts'), step], { cwd: root, stdio: ['ignore', 2, 2] });
    if (done.status === 0) writeFileSync(stamp, wanted);
    else if (step !== 'test-clients') fail(`the set-up step "${step}" failed, see above`);
  }
}

/** Becomes the project's Node where the system can (nothing of the launcher is left), else starts it and passes signals on. */
function handOver(binary, args) {
  const environment = {
    ...process.env,
    // Read once, at the first use: DuckDB's calls hold threads of this pool (server/engine admits fewer than these).
    UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? '64',
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? at('.cache', 'compiled'),
  };
  const flags = ['--disable-warning=ExperimentalWarning'];
  if (typeof process.execve === 'function') {
    process.removeAllListeners('warning');
    process.execve(binary, [binary, ...flags, ...args], environment);
  }
  const child = spawn(binary, [...flags, ...args], { stdio: 'inherit', env: environment });
  // Ctrl-C on a terminal reaches the child by itself: passing it on would make two of one.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => fail(`${binary} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

function readOr(path, otherwise) {
  return existsSync(path) ? readFileSync(path, 'utf8') : otherwise;
}

function say(text) {
  process.stderr.write(`boilstream: ${text}\n`);
}

function fail(text, code = 1) {
  say(text);
  process.exit(code);
}
