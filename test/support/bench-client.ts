/** Runs a Python client of test/bench/clients to its end, so that whoever watches sees how far it is and why it failed. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { benchClients } from './bench-target.ts';
import { stockExtensionDirectory } from './clients.ts';
import { projectRoot } from './pod.ts';

/** Lines of its output that are shown when a client fails, and the least time between two lines of progress. */
const tailLinesMax = 40;
const progressMsMin = 5000;

/**
 * Resolves when the client has ended well. Its stderr goes through as it is; of its stdout (a JSON line for each
 * measurement) a line is shown every few seconds. Throws with the end of that output when it fails.
 */
export async function runBenchClient(name: string, args: readonly string[]): Promise<void> {
  const child = spawn(join(projectRoot, '.cache', 'venv', 'bin', 'python'), [join(benchClients, `${name}.py`), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      BOILSTREAM_TEST_EXTENSIONS: stockExtensionDirectory(),
      BOILSTREAM_TPCH_CACHE: join(projectRoot, '.cache', 'tpch'),
    },
  });
  const ended = new Promise<string | null>((resolve) => {
    child.on('error', (error) => resolve(`could not be started (${error.message}): npm run setup`));
    child.on('close', (code, signal) => resolve(code === 0 ? null : `ended with ${signal ?? `exit code ${code}`}`));
  });
  const tail: string[] = [];
  let shownAt = performance.now();
  for await (const line of createInterface({ input: child.stdout })) {
    tail.push(line);
    if (tail.length > tailLinesMax) tail.shift();
    if (performance.now() - shownAt < progressMsMin) continue;
    shownAt = performance.now();
    process.stderr.write(`   ${progress(line)}\n`);
  }
  const failure = await ended;
  if (failure !== null) throw new Error(`${name}.py ${failure}; the end of its output:\n${tail.join('\n')}`);
}

/** A measurement in a few words; any other line as it is. */
function progress(line: string): string {
  try {
    const { target, round, metric, value, unit, error } = JSON.parse(line) as Record<string, unknown>;
    if (typeof metric === 'string')
      return `round ${Number(round) + 1}, ${metric}, ${String(target)}: ${error === undefined ? `${value} ${unit}` : error}`;
  } catch {
    // not JSON
  }
  return line.slice(0, 200);
}
