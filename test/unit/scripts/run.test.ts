/** The launcher behind `npm start` and `npm test`, run as npm runs it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A checkout that is set up, whose `server/main.ts` is the given program. */
function checkout(t: TestContext, program: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'boilstream-run-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true });
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'])
    cpSync(join(root, file), join(folder, file));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'server'));
  writeFileSync(join(folder, 'server', 'main.ts'), program);
  return folder;
}

const environment = { ...process.env, BOILSTREAM_EXTENSION_DIR: '/nonexistent' };

test('hands arguments, a large thread pool and the exit code through', (t) => {
  const folder = checkout(
    t,
    'console.log(process.argv.slice(2).join(), process.env.UV_THREADPOOL_SIZE); process.exit(7 as number);',
  );
  const start = (): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, [join(folder, 'scripts/run.mjs'), 'start', '--data-dir', 'x y'], {
      encoding: 'utf8',
      env: environment,
    });
  const [first, again] = [start(), start()];
  assert.equal(first.stderr, 'boilstream: compiling …\n');
  assert.equal(again.stderr, '');
  for (const done of [first, again]) {
    assert.equal(String(done.stdout).trim(), '--data-dir,x y 64');
    assert.equal(done.status, 7);
  }
});

for (const execve of [true, false]) {
  test(`SIGTERM reaches the pod, and its exit code comes back (${execve ? 'in place' : 'as a child'})`, async (t) => {
    const folder = checkout(
      t,
      "process.on('SIGTERM', () => setTimeout(() => process.exit(5), 50)); setInterval(() => {}, 1000); console.log('up');",
    );
    // Older Nodes cannot replace themselves: without process.execve the launcher stays and passes signals on.
    const flags = execve ? [] : ['--import', 'data:text/javascript,delete process.execve'];
    const child = spawn(process.execPath, [...flags, join(folder, 'scripts/run.mjs'), 'start'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: environment,
    });
    t.after(() => child.kill('SIGKILL'));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGTERM');
    const code = await new Promise((resolve) => child.on('exit', (exitCode, signal) => resolve(signal ?? exitCode)));
    assert.equal(code, 5);
  });
}

test('sources that do not compile are run as they are, and it says so', (t) => {
  const folder = checkout(t, "const wrong: number = 'text'; console.log(wrong);");
  const done = spawnSync(process.execPath, [join(folder, 'scripts/run.mjs'), 'start'], { encoding: 'utf8', env: environment });
  assert.match(done.stderr, /error TS2322[\s\S]*do not compile, see above; running them as they are/);
  assert.equal(done.stdout, 'text\n');
});

test('names the commands it knows when it is given another', () => {
  const done = spawnSync(process.execPath, [join(root, 'scripts/run.mjs'), 'strat'], { encoding: 'utf8' });
  assert.equal(done.status, 2);
  assert.match(done.stderr, /unknown command strat: one of start, /);
});

test('the published package brings neither the runtime nor the workspace that names it', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, object | undefined>;
  assert.equal(manifest['optionalDependencies'], undefined);
  assert.ok(Object.keys(manifest['dependencies'] ?? {}).every((name) => !/^node-(?:bin-)?(?:linux|darwin)/.test(name)));
});
