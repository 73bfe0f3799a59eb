/**
 * Compiles what ships into `dist/`: each file by itself, no bundle. Beside the compiled rooms lie the two commands,
 * `dist/bin/boilstream.js` and `dist/bin/boilstream-admin.js`, and what is read at run time and is not TypeScript.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Where to: the package's `dist/`, or the folder that was named. */
const dist = process.argv[2] ?? join(root, 'dist');
const rooms = ['base', 'storage', 'auth', 'catalog', 'cluster', 'protocols', 'server', 'cli'];

rmSync(dist, { recursive: true, force: true });
const compiled = spawnSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', dist],
  { cwd: root, stdio: 'inherit' },
);
if (compiled.status !== 0) process.exit(1);

for (const room of rooms.filter((name) => existsSync(join(root, name)))) {
  for (const name of readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })) {
    const path = join(root, room, name);
    if (/\.(?:ts|md)$/.test(name) || !statSync(path).isFile()) continue;
    mkdirSync(dirname(join(dist, room, name)), { recursive: true });
    cpSync(path, join(dist, room, name));
  }
}

mkdirSync(join(dist, 'bin'), { recursive: true });
// libuv reads the size of its pool once, at the first use, which is before any module runs when it is loaded asynchronously:
// so it is set in the environment, and the process is started again where the system can replace it.
command(
  'boilstream',
  `if (!process.env.UV_THREADPOOL_SIZE) {
  process.env.UV_THREADPOOL_SIZE = '64';
  process.removeAllListeners('warning');
  process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], process.env);
}
await import('../server/main.js');
`,
);
command('boilstream-admin', "await import('../cli/main.js');\n");

function command(name: string, body: string): void {
  const path = join(dist, 'bin', `${name}.js`);
  writeFileSync(path, `#!/usr/bin/env node\n${body}`);
  chmodSync(path, 0o755);
}
