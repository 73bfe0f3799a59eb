import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { LakeError } from '../../../../base/errors.ts';
import type { StatementSession } from '../../../../base/statement-session.ts';
import { DuckdbSession } from '../../../support/duckdb-session.ts';
import {
  cstring,
  dataRow,
  fieldsOf,
  frontend,
  int16,
  int32,
  type Message,
  WireClient,
  type WireError,
} from '../../../support/wire-client.ts';
import { startWireServer, type WireServer, type WireServerOptions } from '../../../support/wire-server.ts';

const server = await startWireServer();
after(() => server.close());

async function withServer(options: WireServerOptions, work: (server: WireServer) => Promise<void>): Promise<void> {
  const own = await startWireServer(options);
  try {
    await work(own);
  } finally {
    await own.close();
  }
}

const types = (messages: readonly Message[]): string => messages.map((message) => message.type).join('');
const codeOf = (messages: readonly Message[]): string | undefined => {
  const error = messages.find((message) => message.type === 'E');
  return error && fieldsOf(error.body)['C'];
};

/** A DuckDB session with parts replaced. */
function changed(change: (session: StatementSession) => Partial<StatementSession>): WireServerOptions {
  return {
    open: async (_startup, hooks) => {
      const inner = await DuckdbSession.open(await DuckDBInstance.create(':memory:', { threads: '1' }), hooks);
      const changes = change(inner);
      return new Proxy(inner, {
        get: (target, name) => {
          const own = (changes as Record<string | symbol, unknown>)[name];
          const value = own ?? (target as unknown as Record<string | symbol, unknown>)[name];
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }) as StatementSession;
    },
  };
}

test('nothing leaves before the barrier: rows, completions and errors', async () => {
  let release: () => void = () => undefined;
  let closed = false;
  const barrier = async (): Promise<void> => {
    if (closed)
      await new Promise<void>((resolve) => {
        release = resolve;
      });
  };
  await withServer(
    changed(() => ({ barrier })),
    async ({ options }) => {
      const client = await WireClient.logIn(options);
      for (const sql of ['SELECT * FROM range(100000)', 'CREATE TABLE IF NOT EXISTS t (a int)', 'SELECT * FROM missing']) {
        closed = true;
        client.send(frontend('Q', cstring(sql)));
        const first = client.receive();
        assert.equal(await Promise.race([first.then(() => 'something'), sleep(60).then(() => 'nothing')]), 'nothing', sql);
        closed = false;
        release();
        const expected = { SEL: 'T', CRE: 'C', BAD: 'E' }[sql.includes('missing') ? 'BAD' : sql.slice(0, 3)];
        assert.equal((await first)?.type, expected, sql);
        await client.receiveUntil('Z');
      }
      client.destroy();
    },
  );
});

test('the last command of a simple query is acknowledged only after sync; a failed commit is an error instead', async () => {
  let fails = false;
  await withServer(
    changed(() => ({
      sync: async () => {
        if (fails) throw new LakeError('serialization_conflict', 'conflict on commit');
      },
    })),
    async ({ options }) => {
      const client = await WireClient.logIn(options);
      await client.query('CREATE TABLE t (a int)');
      fails = true;
      const messages = await client.query('INSERT INTO t VALUES (1)');
      assert.equal(codeOf(messages), '40001');
      assert.ok(!types(messages).includes('C'), 'no CommandComplete for what was not committed');
      client.send(frontend('P', cstring(''), cstring('SELECT 1'), int16(0)), frontend('S'));
      assert.equal(types(await client.receiveUntil('Z')), '1EZ');
      client.destroy();
    },
  );
});

test('a client that does not read stops the query: memory stays bounded, and it can still be cancelled', async () => {
  let pulled = 0;
  await withServer(
    changed((inner) => ({
      simple: async (sql, position) => {
        const outcome = await inner.simple(sql, position);
        if (outcome.t !== 'rows') return outcome;
        return {
          ...outcome,
          rows: {
            columns: outcome.rows.columns,
            next: () => {
              pulled++;
              return outcome.rows.next();
            },
            close: () => outcome.rows.close(),
          },
        };
      },
    })),
    async ({ options }) => {
      const client = await WireClient.logIn(options);
      // Not a WireClient read: the socket is paused, so that the kernel's buffers fill.
      client.pause();
      client.send(frontend('Q', cstring("SELECT i, repeat('x', 200) FROM range(20000000) t(i)")));
      // On a busy machine the kernel's buffers fill slowly: what counts is that pulling ends, and how much was pulled by then.
      const deadline = performance.now() + 20_000;
      let before = -1;
      while ((pulled === 0 || pulled - before > 1) && performance.now() < deadline) {
        before = pulled;
        await sleep(400);
      }
      assert.ok(pulled > 0 && pulled - before <= 1, `${pulled - before} chunks were pulled while the client did not read`);
      assert.ok(pulled * 2048 * 210 < 64 * 1024 * 1024, `${pulled} chunks lie in buffers`);
      client.destroy();
    },
  );
});

test('notices and parameter changes come with the answer they belong to', async () => {
  const client = await WireClient.logIn(server.options);
  const notice = (await client.query('NOTICE')).find((message) => message.type === 'N');
  assert.deepEqual(fieldsOf(notice?.body as Buffer), { S: 'NOTICE', V: 'NOTICE', C: '00000', M: 'be told' });
  await client.query("SET TimeZone = 'America/New_York'");
  assert.equal(client.parameters.get('TimeZone'), 'America/New_York');
  assert.deepEqual(await client.rows("SELECT timestamptz '2026-07-01 12:00:00+00'"), [['2026-07-01 08:00:00-04']]);
  await client.close();
});

test('an error carries its fields; what is not ours becomes XX000 without its text', async () => {
  let thrown: unknown;
  await withServer(
    changed(() => ({
      simple: async () => {
        throw thrown;
      },
    })),
    async ({ options }) => {
      const client = await WireClient.logIn(options);
      thrown = new LakeError('unique_violation', 'duplicate key', {
        detail: 'Key (a)=(1) exists.',
        hint: 'Use another.',
        position: 7,
      });
      let fields = fieldsOf((await client.query('x'))[0]?.body as Buffer);
      assert.deepEqual(fields, {
        S: 'ERROR',
        V: 'ERROR',
        C: '23505',
        M: 'duplicate key',
        D: 'Key (a)=(1) exists.',
        H: 'Use another.',
        P: '7',
      });
      thrown = new TypeError('secret path /etc/x');
      fields = fieldsOf((await client.query('x'))[0]?.body as Buffer);
      assert.equal(fields['C'], 'XX000');
      assert.ok(!JSON.stringify(fields).includes('secret'));
      client.destroy();
    },
  );
});

test('an error in the middle of the rows keeps the rows before it and the session', async () => {
  const client = await WireClient.logIn(server.options);
  const messages = await client.query("SELECT CASE WHEN i = 5000 THEN error('stop here') ELSE i END FROM range(10000) t(i)");
  assert.ok(codeOf(messages));
  assert.deepEqual(await client.rows('SELECT 1'), [['1']]);
  await client.close();
});

test('messages, statements and portals have limits, and the session or the pod survives them', async () => {
  await withServer({ limits: { messageBytesMax: 100_000, statementsMax: 3, portalsMax: 2 } }, async ({ options }) => {
    const client = await WireClient.logIn(options);
    for (const name of ['a', 'b', 'c', 'd'])
      client.send(frontend('P', cstring(name), cstring('SELECT 1'), int16(0)), frontend('S'));
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(codeOf(await client.receiveUntil('Z')));
    assert.deepEqual(answers, [undefined, undefined, undefined, '54000']);
    client.send(
      ...['p', 'q', 'r'].map((name) => frontend('B', cstring(name), cstring('a'), int16(0), int16(0), int16(0))),
      frontend('S'),
    );
    assert.equal(codeOf(await client.receiveUntil('Z')), '54000');
    client.send(Buffer.concat([Buffer.from('Q'), int32(100_001)]));
    const last = await client.receiveUntil('E');
    assert.equal(codeOf(last), '54000');
    assert.equal(fieldsOf(last.at(-1)?.body as Buffer)['S'], 'FATAL');
    assert.equal(await client.receive(), null);
    await (await WireClient.logIn(options)).close();
  });
});

test('large messages share one budget, and give it back', async () => {
  const mebibyte = 1024 * 1024;
  await withServer({ limits: { messageBytesMax: 8 * mebibyte, largeMessagesBytesMax: 8 * mebibyte } }, async ({ options }) => {
    const first = await WireClient.logIn(options);
    const second = await WireClient.logIn(options);
    const begin = (length: number): Buffer => Buffer.concat([Buffer.from('Q'), int32(length), Buffer.from('SELECT 1 --')]);
    first.send(begin(6 * mebibyte));
    await sleep(50);
    second.send(begin(6 * mebibyte));
    assert.equal(codeOf(await second.receiveUntil('E')), '53200');
    first.destroy();
    await sleep(50);
    const third = await WireClient.logIn(options);
    third.send(frontend('Q', cstring(`SELECT 1 AS a --${'x'.repeat(6 * mebibyte)}`)));
    assert.equal(types(await third.receiveUntil('Z')), 'TDCZ');
    await third.close();
  });
});

test('a message is read the same however it is cut', async () => {
  const sql = `SELECT '${'ü'.repeat(3000)}' AS a`;
  const message = frontend('Q', cstring(sql));
  const client = await WireClient.logIn(server.options);
  for (const step of [1, 7, 1000, 5000]) {
    for (let at = 0; at < message.length; at += step) {
      client.send(message.subarray(at, at + step));
      if (step > 500 || at % 701 === 0) await sleep(1);
    }
    const messages = await client.receiveUntil('Z');
    assert.equal(dataRow(messages[1]?.body as Buffer)[0]?.toString(), 'ü'.repeat(3000));
  }
  await client.close();
});

test('terminate from the session ends it after what runs; close frees the statement session', async () => {
  await withServer({}, async (own) => {
    const client = await WireClient.logIn(own.options);
    assert.equal(types(await client.query('TERMINATE')), 'CZ', 'what ran is answered');
    assert.equal(codeOf(await client.receiveUntil('E')), '57P01');
    assert.equal(await client.receive(), null);
    (await WireClient.logIn(own.options)).destroy();
    await sleep(50);
    assert.ok(own.sessions.every((session) => (session as DuckdbSession).closed));
  });
});

test('a client that vanishes in the middle of a result or a COPY frees its session', async () => {
  await withServer({}, async (own) => {
    for (const sql of ["SELECT repeat('x', 1000) FROM range(1000000)", 'COPY nothing FROM STDIN']) {
      const client = await WireClient.logIn(own.options);
      await client.query('CREATE TABLE IF NOT EXISTS nothing (a text)');
      client.send(frontend('Q', cstring(sql)));
      await client.receive();
      client.destroy();
    }
    for (let i = 0; i < 100 && own.listener.counts.sessions > 0; i++) await sleep(20);
    assert.equal(own.listener.counts.sessions, 0);
    assert.ok(own.sessions.every((session) => (session as DuckdbSession).closed));
  });
});

test('an answer to COPY that is kept is sent again byte by byte, and one that is too large is not kept', async () => {
  const kept = new Map<string, { encoded: Buffer; rows: number }>();
  let given = 0;
  const options = changed((session) => ({
    simple: async (sql, position) => {
      const known = kept.get(sql);
      if (known) {
        given++;
        return { t: 'copy-out-kept', ...known };
      }
      const outcome = await session.simple(sql, position);
      if (outcome.t !== 'copy-out') return outcome;
      return { ...outcome, keep: { bytesMax: 1_000_000, keep: (encoded, rows) => kept.set(sql, { encoded, rows }) } };
    },
  }));
  await withServer(options, async (own) => {
    const client = await WireClient.logIn(own.options);
    for (const rows of [0, 1, 2_048, 20_000]) {
      const sql = `COPY (SELECT i, 'row ' || i AS s, NULL AS n FROM range(${rows}) t(i)) TO STDOUT (FORMAT binary)`;
      const [first, second] = [await client.query(sql), await client.query(sql)];
      assert.deepEqual(second, first);
      assert.equal(types(first).replaceAll('d', ''), 'HcCZ');
    }
    assert.equal(given, 4);
    const large = "COPY (SELECT repeat('x', 1000) FROM range(2000)) TO STDOUT (FORMAT binary)";
    await client.query(large);
    assert.equal(kept.has(large), false);
    await client.close();
  });
});

test('a broken message inside COPY ends the connection', async () => {
  const client = await WireClient.logIn(server.options);
  await client.query('CREATE OR REPLACE TABLE broken (a text)');
  client.send(frontend('Q', cstring('COPY broken FROM STDIN')));
  await client.receiveUntil('G');
  client.send(frontend('d', Buffer.from('row\n')), frontend('Q', cstring('SELECT 1')));
  const messages = await client.receiveUntil('E');
  assert.equal(fieldsOf(messages.at(-1)?.body as Buffer)['S'], 'FATAL');
  assert.equal(codeOf(messages), '08P01');
  const again = await WireClient.logIn(server.options);
  assert.deepEqual(await again.rows('SELECT count(*) FROM broken'), [['0']]);
  await again.close();
});

test('parameters are bound in every mix of formats, and a bad one fails its statement only', async () => {
  const client = await WireClient.logIn(server.options);
  const parse = frontend('P', cstring('p'), cstring('SELECT $1 + 1 AS a, $2 AS b'), int16(2), int32(20), int32(25));
  const bind = (formats: readonly number[], values: readonly Buffer[]): Buffer =>
    frontend(
      'B',
      cstring(''),
      cstring('p'),
      int16(formats.length),
      ...formats.map(int16),
      int16(values.length),
      ...values.flatMap((value) => [int32(value.length), value]),
      int16(1),
      int16(0),
    );
  const seven = Buffer.from('0000000000000007', 'hex');
  client.send(
    parse,
    bind([], [Buffer.from('7'), Buffer.from('x')]),
    frontend('E', cstring(''), int32(0)),
    bind([1], [seven, Buffer.from('y')]),
    frontend('E', cstring(''), int32(0)),
    bind([1, 0], [seven, Buffer.from('z')]),
    frontend('E', cstring(''), int32(0)),
    frontend('S'),
  );
  const rows = (await client.receiveUntil('Z'))
    .filter((message) => message.type === 'D')
    .map((message) => dataRow(message.body).map(String));
  assert.deepEqual(rows, [
    ['8', 'x'],
    ['8', 'y'],
    ['8', 'z'],
  ]);
  client.send(bind([0], [Buffer.from('seven'), Buffer.from('x')]), frontend('E', cstring(''), int32(0)), frontend('S'));
  assert.equal(codeOf(await client.receiveUntil('Z')), '22P02');
  await assert.rejects(client.rows('SELECT * FROM missing'), (error: WireError) => error.fields['C'] === '42P01');
  await client.close();
});

test('a COPY that waits for its client ends at once when the pod goes down', async () => {
  const own = await startWireServer();
  try {
    const client = await WireClient.logIn(own.options);
    await client.query('CREATE TABLE waiting (a text)');
    client.send(frontend('Q', cstring('COPY waiting FROM STDIN')));
    await client.receiveUntil('G');
    const began = performance.now();
    await own.listener.close(5000);
    assert.ok(performance.now() - began < 3000, 'nobody had to be cut');
    assert.equal(codeOf(await client.receiveUntil('E')), '57P01');
  } finally {
    await own.close();
  }
});
