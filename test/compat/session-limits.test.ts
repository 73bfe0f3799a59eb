/** Time-outs and limits of sessions, with libpq on a real pod over TLS: PostgreSQL's codes and texts, and what goes on after them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { adminJson } from '../support/admin-line.ts';
import { needsClient, psql, python } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';

/** Prints one line `name: sqlstate text` for each way a session can run out of time. */
const timeouts = `
import psycopg, time
def said(name, work):
    try:
        work()
        print(name + ': nothing')
    except psycopg.Error as e:
        print(f"{name}: {e.sqlstate} {e.diag.message_primary}")
def connect(**options):
    c = psycopg.connect(autocommit=True, options=' '.join(f'-c {k}={v}' for k, v in options.items()))
    assert c.pgconn.ssl_in_use
    return c
slow = "SELECT count(*) FROM range(3000000000) a(i) WHERE i % 7 = 3"
c = connect()
print('of the pod:', *(c.execute('SHOW ' + name).fetchone()[0] for name in
    ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'lock_timeout')))
c.execute("SET statement_timeout = '150ms'; SET lock_timeout = '2s'")
said('statement', lambda: c.execute(slow))
print('goes on:', c.execute('SELECT 1').fetchone()[0], c.execute('SHOW lock_timeout').fetchone()[0])
c.execute('RESET statement_timeout')
print('reset:', c.execute('SHOW statement_timeout').fetchone()[0])

c = connect(statement_timeout='200ms')
with c.transaction(), c.cursor(name='kept') as rows:
    rows.execute('SELECT i FROM range(100000) r(i)')
    rows.fetchmany(10)
    time.sleep(0.5)
    print('a cursor that waits:', rows.fetchmany(1)[0][0])
    said('beside a cursor', lambda: c.execute(slow))
    raise psycopg.Rollback

c = connect(idle_session_timeout='200ms')
c.execute('SELECT 1')
time.sleep(0.6)
said('idle', lambda: c.execute('SELECT 1'))

c = connect(idle_in_transaction_session_timeout=200, idle_session_timeout='1h')
time.sleep(0.4)
c.execute('BEGIN')
c.execute('CREATE TABLE never_there (i int)')
time.sleep(0.6)
said('idle in transaction', lambda: c.execute('COMMIT'))
print('of it is left:', connect().execute("SELECT count(*) FROM pg_tables WHERE tablename = 'never_there'").fetchone()[0])

c = connect()
c.execute('BEGIN')
c.execute("SET LOCAL transaction_timeout = '250ms'")
time.sleep(0.1)
c.execute('SELECT 1')
time.sleep(0.4)
said('transaction, idle', lambda: c.execute('SELECT 1'))
c = connect(transaction_timeout='250ms')
time.sleep(0.5)
c.execute('SELECT 1')
c.execute('BEGIN')
said('transaction, busy', lambda: c.execute(slow))
c = connect(transaction_timeout='250ms')
said('transaction, of one statement', lambda: c.execute(slow))
c = connect(transaction_timeout='250ms')
c.execute('BEGIN')
c.execute('COMMIT')
time.sleep(0.5)
print('none open:', c.execute('SELECT 1').fetchone()[0])
`;

describe('sessions that take too long', () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod({ environment: { BOILSTREAM_STATEMENT_TIMEOUT: '90s', BOILSTREAM_IDLE_SESSION_TIMEOUT: '2h' } });
  });
  after(() => pod.stop());

  test('are told so in PostgreSQL’s words, and only they', async (t) => {
    if (!needsClient(t, 'python')) return;
    const ran = await python(pod, timeouts);
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(ran.stdout.trim().split('\n'), [
      'of the pod: 90s 0 0 2h 0',
      'statement: 57014 canceling statement due to statement timeout',
      'goes on: 1 2s',
      'reset: 90s',
      'a cursor that waits: 10',
      'beside a cursor: 57014 canceling statement due to statement timeout',
      'idle: 57P05 terminating connection due to idle-session timeout',
      'idle in transaction: 25P03 terminating connection due to idle-in-transaction timeout',
      'of it is left: 0',
      'transaction, idle: 25P04 terminating connection due to transaction timeout',
      'transaction, busy: 25P04 terminating connection due to transaction timeout',
      'transaction, of one statement: 25P04 terminating connection due to transaction timeout',
      'none open: 1',
    ]);
  });
});

describe('too many sessions', () => {
  let pod: Pod;
  let bob: { user: string; password: string };
  before(async () => {
    pod = await startPod({
      environment: {
        BOILSTREAM_PGWIRE_MAX_CONNECTIONS: '6',
        BOILSTREAM_PGWIRE_MAX_CONNECTIONS_PER_USER: '2',
        BOILSTREAM_PGWIRE_RESERVED_CONNECTIONS: '2',
      },
    });
    await adminJson(pod, 'users', 'create', 'bob@example.com');
    await adminJson(pod, 'users', 'grant', 'bob@example.com', '--ducklake', 'lake', '--access', 'read');
    bob = await adminJson(pod, 'credentials', 'create', '--user', 'bob@example.com');
  });
  after(() => pod.stop());

  test('are refused with 53300: those of one user, those of all, but not an admin’s while places are kept for them', async (t) => {
    if (!needsClient(t, 'python')) return;
    const ran = await python(
      pod,
      `
import os, psycopg
def said(name, **login):
    try:
        c = psycopg.connect(**login)
        print(name + ': in')
        return c
    except psycopg.OperationalError as e:
        text = str(e)
        print(name + ': ' + text[text.index('FATAL'):].replace('\\n', ' | '))
bob = dict(user=os.environ['BOB'], password=os.environ['BOB_PASSWORD'])
held = [said('bob 1', **bob), said('bob 2', **bob)]
said('bob 3', **bob)
held[0].close()
held[0] = said('bob again', **bob)
held += [said('admin ' + str(i)) for i in range(2)]
held[1].close()
held += [said('admin')]
said('bob of all', **bob)
held += [said('admin, kept'), said('admin, kept')]
said('admin of all')
print(held[-1].execute('SHOW max_connections').fetchone()[0], held[-1].execute('SHOW superuser_reserved_connections').fetchone()[0])
`,
      { environment: { BOB: bob.user, BOB_PASSWORD: bob.password } },
    );
    assert.equal(ran.code, 0, ran.stderr);
    const lines = ran.stdout.trim().split('\n');
    assert.deepEqual(
      lines.map((line) => line.replace(/ \| HINT.*$/, '').trim()),
      [
        'bob 1: in',
        'bob 2: in',
        `bob 3: FATAL:  too many connections for role "bob@example.com"`,
        'bob again: in',
        'admin 0: in',
        'admin 1: in',
        'admin: in',
        'bob of all: FATAL:  remaining connection slots are reserved for superadmins',
        'admin, kept: in',
        'admin, kept: in',
        'admin of all: FATAL:  sorry, too many clients already',
        '6 2',
      ],
    );
    assert.match(lines[2] as string, /HINT:.*2 sessions/);
    const refused = await psql(pod, ['-c', 'SELECT 1']);
    assert.equal(refused.code, 0, `places are free again after their holders have left: ${refused.stderr}`);
  });
});
