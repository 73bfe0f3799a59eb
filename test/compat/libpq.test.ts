/** libpq in its newer ways (TLS without asking first, protocol 3.2) through psycopg's own copy of it, and pgbench reading. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { needsClient, psql, python, runClient } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';

describe('libpq', () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod();
  });
  after(() => pod.stop());

  test('connects by direct TLS, with channel binding and protocol 3.2, and cancels that way too', async (t) => {
    if (!needsClient(t, 'python')) return;
    const program = `
import psycopg, threading
assert psycopg.pq.version() >= 180000, psycopg.pq.version()
options = "sslnegotiation=direct sslmode=verify-full channel_binding=require min_protocol_version=3.2"
with psycopg.connect(options, autocommit=True) as c:
    assert c.execute("SELECT 1").fetchone() == (1,)
    assert c.pgconn.ssl_in_use and c.pgconn.full_protocol_version == 30002, c.pgconn.full_protocol_version
    threading.Timer(0.3, c.cancel_safe).start()
    try:
        c.execute("SELECT count(*) FROM range(10000000000) a, range(10) b")
        raise AssertionError("not cancelled")
    except psycopg.errors.QueryCanceled:
        pass
    # Under a name of the protocol, deallocated by SQL, and taken again.
    c.pgconn.prepare(b"name", b"SELECT $1::int2")
    c.execute("PREPARE other AS SELECT 1")
    listed = c.execute("SELECT name, statement, parameter_types, from_sql FROM pg_prepared_statements ORDER BY prepare_time").fetchall()
    assert listed == [("name", "SELECT $1::int2", ["smallint"], False), ("other", "PREPARE other AS SELECT 1", [], True)], listed
    c.execute('DEALLOCATE "name"')
    c.pgconn.prepare(b"name", b"SELECT 2")
    assert c.pgconn.exec_prepared(b"name", None).get_value(0, 0) == b"2"
    c.execute("DISCARD ALL")
    assert c.pgconn.exec_prepared(b"name", None).error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"26000"
try:
    psycopg.connect("sslmode=disable")
    raise AssertionError("in the clear")
except psycopg.OperationalError:
    pass
print("ok")`;
    const ran = await python(pod, program, { environment: { PGHOST: 'localhost' } });
    assert.equal(ran.stdout.trim(), 'ok', `${ran.stderr}\n${pod.log()}`);
  });

  test('pgbench reads with a script of its own, in each query mode', async (t) => {
    if (!needsClient(t, 'psql') || !needsClient(t, 'pgbench')) return;
    const folder = mkdtempSync(join(tmpdir(), 'boilstream-pgbench-'));
    try {
      const made = await psql(pod, [
        '-c',
        'CREATE TABLE accounts AS SELECT i AS aid, i * 3 AS abalance FROM range(1, 10001) t(i)',
      ]);
      assert.equal(made.code, 0, made.stderr);
      const script = join(folder, 'read-only.sql');
      writeFileSync(script, '\\set aid random(1, 10000)\nSELECT abalance FROM accounts WHERE aid = :aid;\n');
      for (const mode of ['simple', 'extended', 'prepared']) {
        const args = ['-n', '-M', mode, '-f', script, '-c', '4', '-j', '1', '-t', '25'];
        const ran = await runClient('pgbench', args, { environment: pod.libpqEnvironment() });
        assert.match(ran.stdout, /transactions actually processed: 100\/100/, `${mode}: ${ran.stderr}\n${pod.log()}`);
        assert.match(ran.stdout, /number of failed transactions: 0 /, ran.stdout);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
