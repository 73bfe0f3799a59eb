/**
 * Hostile bytes: whatever arrives, before or after login, the answer is an error or a close; never a crash, a hang or
 * memory. 20,000 seeded cases (a million in the long tier). A failing case prints its number: FUZZ_CASE=n runs it alone,
 * FUZZ_SEED=s another series.
 */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BIGINT, DuckDBDataChunk, INTEGER, LIST, VARCHAR } from '@duckdb/node-api';
import { AddressList } from '../../../../base/address-list.ts';
import { systemClock } from '../../../../base/clock.ts';
import { LakeError } from '../../../../base/errors.ts';
import { silentLogger } from '../../../../base/log.ts';
import { decodeParameter } from '../../../../base/pg-parameter.ts';
import { pgTypes } from '../../../../base/pg-types.ts';
import { systemRandom } from '../../../../base/random.ts';
import { splitStatements } from '../../../../base/sql-lexer.ts';
import type { CopyFormat, Outcome, StatementSession } from '../../../../base/statement-session.ts';
import { Admission } from '../../../../protocols/pgwire/admission.ts';
import { CancelRegistry } from '../../../../protocols/pgwire/cancel.ts';
import { ByteBudget } from '../../../../protocols/pgwire/codec.ts';
import { Connection, type ConnectionContext } from '../../../../protocols/pgwire/connection.ts';
import { defaultLimits } from '../../../../protocols/pgwire/limits.ts';
import { BufferPool } from '../../../../protocols/pgwire/outbox.ts';
import { scaled } from '../../../support/tier.ts';
import { cstring, frontend, int16, int32, startupMessage } from '../../../support/wire-client.ts';
import { selfSigned } from '../../../support/wire-server.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 1);
const only = process.env['FUZZ_CASE'] === undefined ? undefined : Number(process.env['FUZZ_CASE']);
const cases = scaled(20_000, 1_000_000);
const growthMax = 64 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** A small generator: the same number gives the same case on every machine. Source: mulberry32. */
class Chance {
  #state: number;
  constructor(from: number) {
    this.#state = from >>> 0;
  }

  /** 0 <= n < max. */
  below(max: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % max;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  bytes(max: number): Buffer {
    return Buffer.from(Array.from({ length: this.below(max + 1) }, () => this.below(256)));
  }
}

const chunk = DuckDBDataChunk.create([INTEGER, VARCHAR, LIST(BIGINT)], 2);
chunk.setColumnValues(0, [1, null]);
chunk.setColumnValues(1, ['a string longer than twelve bytes', '']);
const columns = [
  { name: 'a', type: INTEGER },
  { name: 'b', type: VARCHAR },
  { name: 'c', type: LIST(BIGINT) },
];
const copyFormat = (format: CopyFormat['format']): CopyFormat => ({
  format,
  delimiter: ',',
  nullText: '',
  header: false,
  quote: '"',
  escape: '"',
  forceQuote: [],
});

function outcomeOf(sql: string): Outcome {
  if (sql.includes('bad')) throw new LakeError('syntax_error', 'bad');
  const sink = (accepts: 'bytes' | 'chunks') => ({
    accepts,
    columns,
    write: async () => {},
    append: async () => {},
    finish: async () => 1,
    abort: async () => {},
  });
  if (sql.includes('copyin')) return { t: 'copy-in', format: copyFormat('text'), sink: sink('bytes') };
  if (sql.includes('binin')) return { t: 'copy-in', format: copyFormat('binary'), sink: sink('chunks') };
  let left = 2;
  const rows = { columns, next: async () => (left-- > 0 ? chunk : null), close: async () => {} };
  if (sql.includes('copyout')) return { t: 'copy-out', format: copyFormat('csv'), rows };
  return { t: 'rows', rows, tag: (count) => `SELECT ${count}` };
}

function fakeSession(): StatementSession {
  return {
    parameters: new Map([['TimeZone', 'UTC']]),
    transactionStatus: () => 'I',
    split: splitStatements,
    prepare: async (sql, oids) => {
      if (sql.includes('bad')) throw new LakeError('syntax_error', 'bad');
      return {
        parameters: [...oids],
        columns: sql.includes('copy') || sql.includes('bin') ? null : columns,
        close: () => {},
        execute: async (values) => {
          for (const value of values) decodeParameter(value.oid, value.format, value.value);
          return outcomeOf(sql);
        },
      };
    },
    simple: async (sql) => outcomeOf(sql),
    failed: async () => {},
    sync: async () => {},
    barrier: async () => {},
    cancel: () => {},
    close: async () => {},
  };
}

const { context } = selfSigned();
const limits = { ...defaultLimits, handshakeMsMax: 2000 };
const shared: ConnectionContext = {
  door: { refusal: null },
  proxies: new AddressList([]),
  sessions: { open: async () => ({ t: 'session', session: fakeSession() }), cancelElsewhere: () => {} },
  authentication: {
    t: 'token',
    authenticator: {
      token: async (_user, token) => {
        if (token !== 't') throw new LakeError('invalid_password', 'no');
        return { id: 'u', name: 'u', kind: 'user', superuser: true, rights: new Map() };
      },
    },
  },
  tls: { current: () => ({ context }) },
  plainAllowed: true,
  limits,
  clock: systemClock,
  logger: silentLogger,
  admission: new Admission(limits),
  cancels: new CancelRegistry(systemRandom),
  pool: new BufferPool(80 * 1024, 4),
  budget: new ByteBudget(limits.largeMessagesBytesMax),
};

const startup = startupMessage({ user: 'u', database: 'd' });
const login = Buffer.concat([startup, frontend('p', cstring('t'))]);
const oids = [...pgTypes.values()].flatMap((type) => [type.oid, type.array]).filter((id) => id !== 0);
const sqls = ['SELECT 1', 'bad', 'copyin', 'binin', 'copyout', '', ';;', "SELECT 'x'; SELECT 2", '$1'];

/** A message as a client would send it. */
function message(chance: Chance): Buffer {
  const name = cstring(chance.pick(['', '', 'a', 'b']));
  switch (chance.below(12)) {
    case 0:
      return frontend('Q', cstring(chance.pick(sqls)));
    case 1:
    case 2: {
      const count = chance.below(3);
      return frontend(
        'P',
        name,
        cstring(chance.pick(sqls)),
        int16(count),
        ...Array.from({ length: count }, () => int32(chance.pick(oids))),
      );
    }
    case 3:
    case 4: {
      const count = chance.below(3);
      return frontend(
        'B',
        name,
        cstring(chance.pick(['', 'a', 'b'])),
        int16(1),
        int16(chance.below(2)),
        int16(count),
        ...Array.from({ length: count }, () => {
          const value = chance.bytes(40);
          return Buffer.concat([int32(value.length), value]);
        }),
        int16(1),
        int16(chance.below(2)),
      );
    }
    case 5:
      return frontend('D', Buffer.from(chance.pick(['S', 'P', 'x'])), name);
    case 6:
      return frontend('E', name, int32(chance.pick([0, 1, 3, -1, 2147483647])));
    case 7:
      return frontend('C', Buffer.from(chance.pick(['S', 'P'])), name);
    case 8:
      return frontend(chance.pick(['H', 'S', 'S', 'S', 'F', 'c', 'X', 'p']));
    case 9:
      return frontend('f', cstring('why'));
    case 10:
      return frontend(
        'd',
        Buffer.concat([
          Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1'),
          int16(3),
          int32(4),
          int32(7),
          int32(1),
          Buffer.from('x'),
          int32(-1),
        ]),
      );
    default:
      return frontend('d', chance.bytes(200));
  }
}

/** Bytes of one case: well formed or not, and then damaged. */
function hostile(chance: Chance): Buffer {
  const parts: Buffer[] = [];
  const kind = chance.below(10);
  if (kind === 0) parts.push(chance.bytes(300));
  else if (kind === 1)
    parts.push(
      int32(chance.pick([8, 9, 16, 10_000, -1, 2147483647, 40])),
      int32(chance.pick([80877103, 80877104, 80877102, 196608, 196610, 131072])),
      chance.bytes(60),
    );
  else if (kind === 2) parts.push(Buffer.concat([int32(8), int32(80877103)]), chance.bytes(200));
  else if (kind === 3) parts.push(Buffer.from([0x16, 3, 1]), chance.bytes(200));
  else {
    parts.push(login);
    const count = 1 + chance.below(12);
    for (let i = 0; i < count; i++) parts.push(message(chance));
    if (kind === 4)
      parts.push(
        Buffer.from(chance.pick([...'QPBDECHSFdcfX', 'z', '\0'])),
        int32(chance.pick([0, 3, 4, -1, 2147483647, 67_108_864, 67_108_865, 5])),
        chance.bytes(50),
      );
  }
  const bytes = Buffer.concat(parts);
  // Damage: flips anywhere, most often after the login, and now and then a cut.
  for (let flips = chance.below(6); flips > 0 && bytes.length > 0; flips--) {
    const from = kind > 3 && chance.below(5) > 0 ? login.length : 0;
    if (bytes.length > from)
      bytes[from + chance.below(bytes.length - from)] = chance.pick([0, 1, 0x7f, 0x80, 0xff, chance.below(256)]);
  }
  return chance.below(4) === 0 ? bytes.subarray(0, chance.below(bytes.length + 1)) : bytes;
}

/** One connection over an in-memory pair: sends the bytes in pieces, takes whatever comes, waits for the end. */
async function run(chance: Chance): Promise<number> {
  const bytes = hostile(chance);
  const [near, far] = duplexPair() as [Duplex, Duplex];
  const socket = Object.assign(far, {
    remoteAddress: '10.0.0.1',
    setNoDelay: () => far,
    setKeepAlive: () => far,
  }) as unknown as Socket;
  let received = 0;
  near.on('data', (data: Buffer) => {
    received += data.length;
  });
  near.on('error', () => {});
  const served = new Connection(shared, socket).run();
  const step = chance.pick([bytes.length || 1, bytes.length || 1, 1 + chance.below(50)]);
  for (let at = 0; at < bytes.length && !near.destroyed; at += step) near.write(bytes.subarray(at, at + step));
  near.end();
  await served;
  near.destroy();
  far.destroy();
  return received;
}

test(`${cases} hostile connections end in an error or a close, without crash, hang or growth`, {
  timeout: 3_600_000,
}, async () => {
  const failures: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void failures.push(reason);
  process.on('unhandledRejection', onUnhandled);
  const memory = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  let base = 0;
  let answered = 0;
  for (let i = only ?? 0; i < (only === undefined ? cases : only + 1); i++) {
    let late: NodeJS.Timeout | undefined;
    const hung = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new Error(`case ${i} of seed ${seed} hangs`)), 10_000);
    });
    try {
      if ((await Promise.race([run(new Chance(seed * 0x9e3779b1 + i)), hung])) > 0) answered++;
    } finally {
      clearTimeout(late);
    }
    assert.deepEqual(failures, [], `case ${i} of seed ${seed}`);
    if (i === 500) base = memory();
    if (i > 500 && i % 2500 === 0) {
      // Buffers a collection found unused are given back by later turns and collections: growth is what stays.
      let grown = memory() - base;
      for (let again = 0; grown >= growthMax && again < 10; again++) {
        await delay(20);
        grown = memory() - base;
      }
      assert.ok(grown < growthMax, `${grown} bytes more after case ${i}`);
    }
  }
  process.off('unhandledRejection', onUnhandled);
  assert.equal(shared.admission.sessions, 0, 'every session was given back');
  assert.equal(shared.admission.unauthenticated, 0);
  if (only === undefined) assert.ok(answered > cases / 2, `${answered} of ${cases} got an answer: the cases reach the session`);
});
