/**
 * Runs the checks and tests of one tier and ends with counts and with the list of what it did not run.
 * `npm test` is the short tier, `npm run test:long` the long one; words after `--` pick by part of a step's or file's
 * name: `npm test -- unit/base`. A file belongs to the long tier alone when it is called `*.long.test.ts`; files that do
 * more in the long tier ask test/support/tier.ts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Folders of test/ in the order they run. `together` files run at once on two cores; one where timing or memory is measured. */
const folders = [
  { name: 'tidy', together: 2, fileDeadlineMs: 60_000 },
  { name: 'unit', together: 2, fileDeadlineMs: 300_000 },
  { name: 'sim', together: 2, fileDeadlineMs: 600_000 },
  { name: 'wire', together: 2, fileDeadlineMs: 600_000 },
  { name: 'compat', together: 2, fileDeadlineMs: 900_000 },
  { name: 'fuzz', together: 1, fileDeadlineMs: 900_000 },
  { name: 'chaos', together: 1, fileDeadlineMs: 1_800_000 },
] as const;
/** The long tier may take this much longer with each file. */
const longFactor = 8;

const checks = [
  { name: 'typecheck', file: 'node_modules/typescript/bin/tsc', arguments: ['-p', 'tsconfig.json'] },
  { name: 'lint', file: 'node_modules/@biomejs/biome/bin/biome', arguments: ['check', '.'] },
] as const;

const [tier = 'short', ...picks] = process.argv.slice(2);
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];
const notRun: string[] = [];
process.env['TEST_TIER'] = tier;
process.chdir(root);

for (const check of checks) {
  if (!picked(check.name)) continue;
  heading(check.name);
  const done = spawnSync(process.execPath, [join(root, check.file), ...check.arguments], { stdio: 'inherit' });
  if (done.status === 0) total.passed++;
  else {
    total.failed++;
    failures.push(check.name);
  }
}
for (const folder of folders) await runFolder(folder);
finish();

function picked(name: string): boolean {
  return picks.length === 0 || picks.some((pick) => name.includes(pick));
}

async function runFolder(folder: (typeof folders)[number]): Promise<void> {
  const all = testFiles(join(root, 'test', folder.name)).filter((file) => picked(relative(root, file)));
  const files = all.filter((file) => tier === 'long' || !file.endsWith('.long.test.ts'));
  for (const file of all) if (!files.includes(file)) notRun.push(`${relative(root, file)} (npm run test:long)`);
  if (files.length === 0) return;
  heading(folder.name);
  const events = run({
    files,
    concurrency: folder.together,
    timeout: folder.fileDeadlineMs * (tier === 'long' ? longFactor : 1),
  });
  events.on('test:fail', (event) => {
    const type = event.details.type as string | undefined;
    if (type !== 'suite' && event.todo === undefined)
      failures.push(`${event.file ? relative(root, event.file) : folder.name}: ${event.name}`);
  });
  events.on('test:pass', (event) => {
    if (event.skip !== undefined)
      notRun.push(
        `${event.file ? relative(root, event.file) : folder.name}: ${event.name} (${event.skip === true ? 'skipped' : event.skip})`,
      );
  });
  events.on('test:summary', (event) => {
    if (event.file !== undefined) return;
    const { tests, passed, skipped, todo } = event.counts;
    const failed = tests - passed - skipped - todo;
    total.passed += passed;
    total.skipped += skipped + todo;
    total.failed += failed === 0 && !event.success ? 1 : failed;
  });
  const reporter = new spec();
  reporter.on('data', (text) => process.stdout.write(text));
  events.pipe(reporter as unknown as NodeJS.WritableStream);
  await new Promise((resolve) => reporter.on('end', resolve));
}

/** Every `*.test.ts` below a folder, sorted; none when the folder does not exist. */
function testFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .sort();
}

function heading(name: string): void {
  process.stdout.write(`\n── ${name}\n`);
}

function finish(): never {
  if (failures.length > 0) process.stdout.write(`\nfailed:\n${failures.map((line) => `  ${line}`).join('\n')}\n`);
  if (tier !== 'long') notRun.push('larger counts of fuzz cases and kills (npm run test:long)');
  notRun.push('benchmarks (npm run bench)');
  process.stdout.write(`\nnot run:\n${notRun.map((line) => `  ${line}`).join('\n')}\n`);
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
}
