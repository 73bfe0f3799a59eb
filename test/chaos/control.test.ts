/** kill -9 while lakes, users and credentials are made and dropped: what was answered is there, nothing is half-made. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { adminSocketPath } from '../../base/local-socket.ts';
import { needsClient, psql } from '../support/clients.ts';
import { startPod } from '../support/pod.ts';
import { scaled } from '../support/tier.ts';

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of several shapes
  readonly body: any;
}

/** The REST API on the pod's own socket; rejects when the pod dies under it. */
function call(dataDir: string, method: string, path: string, body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const sent = request(
      {
        socketPath: adminSocketPath(dataDir),
        method,
        path,
        agent: false,
        headers: text === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      (response) => {
        let whole = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          whole += part;
        });
        response.on('end', () =>
          response.complete
            ? resolve({ status: response.statusCode as number, body: JSON.parse(whole) })
            : reject(new Error('cut off')),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(text);
  });
}

test('what the control catalog answered survives kill -9, and no ducklake stays half-made', async (t) => {
  if (!needsClient(t, 'psql')) return;
  const dataDir = mkdtempSync(join(tmpdir(), 'boilstream-control-'));
  const present = new Set<string>();
  /** Asked for, and the pod died before it answered: either way is right, half is not. */
  const open = new Set<string>();
  const rounds = scaled(2, 60);
  try {
    for (let round = 0; round <= rounds; round++) {
      const pod = await startPod({ dataDir });
      const listed = new Set<string>(
        (await call(dataDir, 'GET', '/api/v1/ducklakes')).body.ducklakes.map((lake: { name: string }) => lake.name),
      );
      listed.delete('lake');
      for (const name of present) assert.ok(open.has(name) || listed.has(name), `${name} was answered and is gone`);
      for (const name of listed) assert.ok(open.has(name) || present.has(name), `${name} was dropped and is back`);
      // Half-made or half-dropped would show here: the name is neither usable nor free.
      for (const name of open) {
        if (listed.has(name)) {
          const used = await psql(pod, ['-At'], {
            database: name,
            input: 'CREATE TABLE IF NOT EXISTS t (i int); SELECT count(*) FROM t;',
          });
          assert.equal(used.code, 0, `${name}: ${used.stderr}`);
        } else {
          const again = await call(dataDir, 'POST', '/api/v1/ducklakes', { name });
          assert.equal(again.status, 201, `${name}: ${JSON.stringify(again.body)}`);
          listed.add(name);
        }
      }
      open.clear();
      present.clear();
      for (const name of listed) present.add(name);
      if (round === rounds) {
        await pod.stop();
        break;
      }
      const worker = async (id: number): Promise<void> => {
        for (let n = 0; ; n++) {
          const name = `l_${round}_${id}_${n}`;
          open.add(name);
          assert.equal((await call(dataDir, 'POST', '/api/v1/ducklakes', { name })).status, 201);
          open.delete(name);
          present.add(name);
          if (n % 2 === 0) continue;
          open.add(name);
          assert.equal((await call(dataDir, 'DELETE', `/api/v1/ducklakes/${name}`)).status, 200);
          open.delete(name);
          present.delete(name);
        }
      };
      const workers = [worker(0), worker(1)];
      const ended = Promise.allSettled(workers);
      await sleep(150 + Math.random() * 1200);
      await pod.kill();
      for (const outcome of await ended) {
        if (outcome.status === 'rejected' && outcome.reason instanceof assert.AssertionError) throw outcome.reason;
      }
    }
    assert.ok(present.size > 0, 'something was made at all');
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
