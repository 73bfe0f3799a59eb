/** Clients that read slowly, die, or vanish without a word, over TLS: the first costs bounded memory, the others are gone from the pod within seconds. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientProgram, needsClient, psql } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';
import { scaled } from '../support/tier.ts';

/** Rows of 1,000 bytes, more than anybody reads here: about a terabyte. */
const endless = "SELECT i, repeat('x', 1000) AS s FROM range(1000000000) r(i)";

interface Client {
  readonly process: ReturnType<typeof spawn>;
  /** Resolves when the program has printed the line. */
  said(line: string): Promise<void>;
}

/** A Python program that stays. */
function startPython(pod: Pod, program: string, options: { through?: readonly string[]; host?: string } = {}): Client {
  const [command = '', ...before] = [...(options.through ?? []), clientProgram('python')];
  const child = spawn(command, [...before, '-u', '-c', program], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...pod.libpqEnvironment(), PGPASSWORD: pod.password, ...(options.host ? { PGHOST: options.host } : {}) },
  });
  let complaints = '';
  child.stderr.on('data', (data) => {
    complaints += data;
  });
  const lines = (createInterface({ input: child.stdout }) as Interface)[Symbol.asyncIterator]();
  return {
    process: child,
    async said(line) {
      const { value } = await lines.next();
      assert.equal(value, line, complaints);
    },
  };
}

/** Sessions on the pod's PostgreSQL port now. */
async function sessions(pod: Pod): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${pod.metrics.port}/metrics`)).text();
  return Number(/^boilstream_pgwire_sessions (\d+)/m.exec(text)?.[1] ?? Number.NaN);
}

/** Waits until there is no session any more; resolves to the seconds it took. */
async function untilEmpty(pod: Pod, secondsMax: number): Promise<number> {
  const began = performance.now();
  for (;;) {
    const seconds = (performance.now() - began) / 1000;
    const left = await sessions(pod);
    if (left === 0) return seconds;
    assert.ok(seconds < secondsMax, `${left} sessions are still there after ${secondsMax} s`);
    await sleep(100);
  }
}

test('a slow reader of an endless result costs bounded memory, in every form', async (t) => {
  if (!needsClient(t, 'python')) return;
  const pod = await startPod();
  try {
    const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pod.pid}/status`, 'utf8'))?.[1]) / 1024;
    const slow = startPython(
      pod,
      `
import psycopg, sys, time
def connect(): return psycopg.connect(autocommit=True)
held = [connect().cursor().stream("${endless}"), connect().cursor(binary=True).stream("${endless}")]
copies = [connect().cursor().copy("COPY (${endless}) TO STDOUT (FORMAT " + format + ")") for format in ('text', 'csv', 'binary')]
held += [iter(copy.__enter__()) for copy in copies]
for one in held: next(one)
print('reading', flush=True)
while True:
    for one in held:
        for _ in range(20): next(one)
    time.sleep(0.1)
`,
    );
    await slow.said('reading');
    await sleep(2_000);
    const early = resident();
    await sleep(scaled(5_000, 60_000));
    const grown = resident() - early;
    t.diagnostic(`${grown.toFixed(0)} MiB more for five slow readers`);
    assert.ok(grown < 100, `${grown.toFixed(0)} MiB`);
    assert.equal(await sessions(pod), 5, 'they are slow, not gone');
    slow.process.kill('SIGKILL');
    t.diagnostic(`gone ${(await untilEmpty(pod, 15)).toFixed(1)} s after their process`);
  } finally {
    await pod.stop();
  }
});

test('a statement whose client was killed is cancelled within seconds', async (t) => {
  if (!needsClient(t, 'python') || !needsClient(t, 'psql')) return;
  const pod = await startPod();
  try {
    const client = startPython(
      pod,
      "import psycopg; c = psycopg.connect(autocommit=True); print('in', flush=True); c.execute('SELECT count(*) FROM range(9000000000000) r(i) WHERE i % 7 = 3')",
    );
    await client.said('in');
    await sleep(500);
    assert.equal(await sessions(pod), 1);
    client.process.kill('SIGKILL');
    t.diagnostic(`gone after ${(await untilEmpty(pod, 15)).toFixed(1)} s`);
    const after = await psql(pod, ['-Atc', 'SELECT 1']);
    assert.equal(after.stdout, '1\n', after.stderr);
  } finally {
    await pod.stop();
  }
});

test('clients whose network is gone are cut off within seconds, idle, reading or in the middle of a result', async (t) => {
  if (!needsClient(t, 'python')) return;
  const name = `bst${process.pid % 100_000}`;
  const [host, guest] = ['10.211.7.1', '10.211.7.2'];
  const ip = (...args: string[]): boolean => spawnSync('ip', args, { stdio: 'ignore' }).status === 0;
  const inside = ['ip', 'netns', 'exec', name];
  if (!ip('netns', 'add', name)) {
    t.skip('a network of its own needs root and iproute2');
    return;
  }
  let pod: Pod | undefined;
  try {
    assert.ok(ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`));
    assert.ok(ip('link', 'set', `${name}b`, 'netns', name));
    assert.ok(ip('addr', 'add', `${host}/30`, 'dev', `${name}a`) && ip('link', 'set', `${name}a`, 'up'));
    assert.ok(ip('netns', 'exec', name, 'ip', 'addr', 'add', `${guest}/30`, 'dev', `${name}b`));
    assert.ok(ip('netns', 'exec', name, 'ip', 'link', 'set', `${name}b`, 'up'));
    pod = await startPod({ environment: { BOILSTREAM_BIND_HOST: '0.0.0.0', BOILSTREAM_PUBLIC_HOST: host } });
    const clients = startPython(
      pod,
      `
import psycopg, time
idle = psycopg.connect(autocommit=True)
idle.execute('SELECT 1')
stalled = psycopg.connect(autocommit=True).cursor().stream("${endless}")
next(stalled)
reading = psycopg.connect(autocommit=True).cursor().stream("${endless}")
print('in', flush=True)
for _ in reading: pass
`,
      { through: inside, host },
    );
    await clients.said('in');
    await sleep(1_000);
    assert.equal(await sessions(pod), 3);
    assert.ok(ip('link', 'set', `${name}a`, 'down'));
    t.diagnostic(`gone after ${(await untilEmpty(pod, 45)).toFixed(1)} s`);
    clients.process.kill('SIGKILL');
  } finally {
    ip('netns', 'del', name);
    ip('link', 'del', `${name}a`);
    await pod?.stop();
  }
});
