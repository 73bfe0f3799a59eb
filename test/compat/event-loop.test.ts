/** One client's large result must not hold up everybody else: how long the pod's event loop is held while many rows go out, in each form; a million in the long tier. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { needsClient, python } from '../support/clients.ts';
import { startPod } from '../support/pod.ts';
import { scaled } from '../support/tier.ts';

/** What may be at most, milliseconds. */
const heldMsMax = 50;
/** A machine that does something else holds everybody up: the best of so many counts. */
const tries = 3;
const rowCount = scaled(250_000, 1_000_000);

const program = `
import os, signal, time, psycopg
c = psycopg.connect(autocommit=True)
c.execute("CREATE TABLE many AS SELECT i, i / 7.0 AS d, 'text number ' || i AS s, TIMESTAMP '2026-01-01' + INTERVAL 1 SECOND * i AS t FROM range(${rowCount}) r(i)")
c.execute("CREATE TABLE wide AS SELECT " + ', '.join(f'i + {k} AS c{k}' for k in range(200)) + ' FROM range(10000) r(i)')
c.execute("CREATE TABLE heavy AS SELECT repeat('x', 20000) || i AS s FROM range(4000) r(i)")
def rows(sql, binary):
    with c.cursor(binary=binary) as k:
        k.execute(sql)
        return k.rowcount
def cursor(sql, binary):
    with c.transaction(), c.cursor(name='n', binary=binary) as k:
        k.execute(sql)
        n = 0
        while part := k.fetchmany(50000): n += len(part)
        return n
def copy(sql):
    with c.cursor() as k:
        with k.copy(sql) as data:
            for _ in data: pass
        return k.rowcount
forms = {'one value of 8 MB': lambda: rows("SELECT repeat('x', 8000000)", False)}
for table in ('many', 'wide', 'heavy'):
    query = f'SELECT * FROM {table}'
    forms[f'{table}, text'] = lambda query=query: rows(query, False)
    forms[f'{table}, binary'] = lambda query=query: rows(query, True)
    for format in ('text', 'csv', 'binary'):
        forms[f'{table}, COPY {format}'] = lambda query=query, format=format: copy(f'COPY ({query}) TO STDOUT (FORMAT {format})')
forms['many, cursor'] = lambda: cursor('SELECT * FROM many', False)
forms['many, binary cursor'] = lambda: cursor('SELECT * FROM many', True)
for name, work in forms.items():
    for attempt in range(int(os.environ['TRIES'])):
        os.kill(int(os.environ['POD']), signal.SIGUSR2)
        time.sleep(0.05)
        n = work()
        os.kill(int(os.environ['POD']), signal.SIGUSR2)
        time.sleep(0.05)
    print(name, n, flush=True)
`;

test(`no form of a large result holds the event loop for ${heldMsMax} ms`, async (t) => {
  if (!needsClient(t, 'python')) return;
  const pod = await startPod({ nodeFlags: ['--import', fileURLToPath(new URL('../support/loop-delay.ts', import.meta.url))] });
  try {
    const ran = await python(pod, program, { environment: { POD: String(pod.pid), TRIES: String(tries) } });
    assert.equal(ran.code, 0, ran.stderr);
    const held = [...pod.log().matchAll(/event loop held ([\d.]+) ms/g)].map(([, ms]) => Number(ms));
    const forms = ran.stdout.trim().split('\n');
    assert.equal(held.length, forms.length * tries * 2, 'each try is between two reports');
    const best = forms.map((form, at) => ({
      form,
      ms: Math.min(...Array.from({ length: tries }, (_, attempt) => held[(at * tries + attempt) * 2 + 1] as number)),
    }));
    for (const { form, ms } of best) t.diagnostic(`${form} rows: ${ms.toFixed(1)} ms`);
    assert.deepEqual(
      best.filter(({ ms }) => !(ms < heldMsMax)),
      [],
    );
  } finally {
    await pod.stop();
  }
});
