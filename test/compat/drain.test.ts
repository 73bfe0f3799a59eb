/** A drain as clients see it: readiness fails, newcomers are refused, idle sessions end, the others finish or are cut off at the deadline. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ducklakeConnection, needsClient, psql, python } from '../support/clients.ts';
import { startPod } from '../support/pod.ts';

/** Opens a session in each state, sends SIGTERM, tells what became of each. */
const program = `
import os, signal, sys, threading, time, urllib.request, urllib.error, duckdb, psycopg
def said(name, work):
    try:
        print(name + ':', work(), flush=True)
    except psycopg.Error as e:
        print(f"{name}: {e.sqlstate} {e.diag.message_primary}", flush=True)
def connect():
    return psycopg.connect(autocommit=True)
slow = "SELECT count(*) > 0 FROM range(300000000) a(i) WHERE i % 7 = 3"
connect().execute('CREATE TABLE IF NOT EXISTS drained (i int)')
idle, running, writing, open = connect(), connect(), connect(), connect()
duck = duckdb.connect(config={'extension_directory': os.environ['BOILSTREAM_TEST_EXTENSIONS']})
duck.execute(f"ATTACH 'ducklake:postgres:{os.environ['LAKE']}' AS lake")
duck.execute('FROM lake.drained').fetchall()
writing.execute('BEGIN')
writing.execute('INSERT INTO drained VALUES (1)')
open.execute('BEGIN')
open.execute('INSERT INTO drained VALUES (1000)')
thread = threading.Thread(target=lambda: said('running', lambda: running.execute(slow).fetchone()[0]))
thread.start()
time.sleep(0.3)
began = time.monotonic()
os.kill(int(os.environ['POD']), signal.SIGTERM)
time.sleep(0.3)
try:
    print('readyz', urllib.request.urlopen(os.environ['READYZ']).status)
except urllib.error.HTTPError as e:
    print('readyz', e.code, e.read().decode().strip())
said('idle', lambda: idle.execute('SELECT 1'))
try:
    connect()
    print('newcomer: in')
except psycopg.OperationalError as e:
    print('newcomer:', str(e)[str(e).index('FATAL'):].strip(), flush=True)
said('writing', lambda: writing.execute('INSERT INTO drained VALUES (2)').rowcount)
said('committing', lambda: writing.execute('COMMIT').statusmessage)
time.sleep(0.2)
said('after the commit', lambda: writing.execute('SELECT 1'))
thread.join()
said('after the statement', lambda: running.execute('SELECT 1'))
if 'finish' in sys.argv:
    said('last', lambda: open.execute('ROLLBACK').statusmessage)
else:
    time.sleep(max(0, began + float(os.environ['DEADLINE']) + 1 - time.monotonic()))
    said('at the deadline', lambda: open.execute('COMMIT').statusmessage)
`;

const common = [
  'readyz 503 not ready: draining',
  'idle: 57P01 terminating connection due to administrator command',
  'newcomer: FATAL:  the database system is shutting down',
  'writing: 1',
  'committing: COMMIT',
  'after the commit: 57P01 terminating connection due to administrator command',
  'running: True',
  'after the statement: 57P01 terminating connection due to administrator command',
];

for (const { how, deadline, last } of [
  { how: 'finish', deadline: 60, last: 'last: ROLLBACK' },
  { how: 'stay', deadline: 4, last: 'at the deadline: 57P01 terminating connection due to administrator command' },
]) {
  test(`SIGTERM: running statements and open transactions go on until they ${how === 'finish' ? 'are over' : 'meet the deadline'}`, async (t) => {
    if (!needsClient(t, 'python') || !needsClient(t, 'psql')) return;
    const pod = await startPod({ environment: { BOILSTREAM_DRAIN_TIMEOUT: `${deadline}s` } });
    try {
      const ran = await python(pod, program, {
        args: [how],
        environment: {
          POD: String(pod.pid),
          DEADLINE: String(deadline),
          LAKE: ducklakeConnection(pod),
          READYZ: `http://${pod.metrics.host}:${pod.metrics.port}/readyz`,
        },
      });
      assert.equal(ran.code, 0, ran.stderr);
      assert.deepEqual(ran.stdout.trim().split('\n').sort(), [...common, last].sort());
      const began = performance.now();
      assert.deepEqual(await pod.exited, { code: 0, signal: null });
      assert.ok(performance.now() - began < 10_000, 'an idle DuckDB does not keep the pod from its end');
      const again = await startPod({ dataDir: pod.dataDir });
      try {
        const rows = await psql(again, ['-Atc', 'SELECT sum(i) FROM drained']);
        assert.equal(rows.stdout.trim(), '3', `what was committed is there, and nothing else: ${rows.stderr}`);
      } finally {
        await again.stop();
      }
    } finally {
      await pod.stop();
    }
  });
}
