/** A stock DuckDB from the registry attaches `<lake>__catalog` and does what it does with a real PostgreSQL, from one process and from several. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock as clock } from '../../base/clock.ts';
import type { Principal } from '../../base/domain.ts';
import { lakeDatabaseName } from '../../base/domain.ts';
import { silentLogger } from '../../base/log.ts';
import { systemRandom as random } from '../../base/random.ts';
import { createMetadataSessions } from '../../catalog/metadata/sessions.ts';
import { createReplicatedLog } from '../../catalog/replicated/log.ts';
import type { ReplicatedLog } from '../../catalog/replicated/ports.ts';
import { Listener } from '../../protocols/pgwire/listener.ts';
import { openDirectoryStore } from '../../storage/directory.ts';
import { fixture, needsClient, runClient, stockExtensionDirectory } from '../support/clients.ts';
import { scaled } from '../support/tier.ts';

const program = fixture(new URL('./ducklake-stock.py', import.meta.url));
const lakeNames = ['socket', 'tcp', 'shared', 'collide'];
const pod: Principal = { id: 'pod', name: 'pod', kind: 'pod', superuser: false, rights: new Map() };

describe("a stock DuckDB on a lake's metadata", () => {
  let directory: string;
  let log: ReplicatedLog;
  let listeners: readonly [socket: Listener, tcp: Listener];

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'stock-'));
    const store = await openDirectoryStore({ path: join(directory, 'store'), clock });
    log = await createReplicatedLog({
      store,
      localDir: join(directory, 'cache'),
      clock,
      random,
      log: silentLogger,
      memoryBytes: 1 << 29,
      threads: 1,
    });
    for (const name of lakeNames) await log.create(lakeDatabaseName({ id: name }));
    const sessions = createMetadataSessions({
      log,
      lake: async (name) => (lakeNames.includes(name) ? { id: name, name } : null),
      clock,
      logger: silentLogger,
    });
    const listen = async (address: { path: string } | { host: string; port: number }): Promise<Listener> => {
      const listener = new Listener({
        address,
        tls: null,
        clock,
        random,
        logger: silentLogger,
        authentication: { t: 'token', authenticator: { token: async () => pod } },
        sessions: {
          open: async (startup, hooks) => ({ t: 'session', session: await sessions.open(startup, hooks) }),
          cancelElsewhere: () => undefined,
        },
      });
      await listener.open();
      return listener;
    };
    listeners = [await listen({ path: join(directory, '.s.PGSQL.5432') }), await listen({ host: '127.0.0.1', port: 0 })];
  });

  after(async () => {
    for (const listener of listeners) await listener.close(1000);
    await log.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function run(what: string, lake: string, over: 'socket' | 'tcp', number = 0) {
    const environment = {
      ...process.env,
      PGUSER: 'pod',
      PGPASSWORD: 'token',
      PGSSLMODE: 'disable',
      BOILSTREAM_TEST_EXTENSIONS: stockExtensionDirectory(),
      ...(over === 'socket' ? { PGHOST: directory, PGPORT: '5432' } : { PGHOST: '127.0.0.1', PGPORT: String(listeners[1].port) }),
    };
    return runClient('python', ['-c', program, what, `${lake}__catalog`, join(directory, 'data', lake), String(number)], {
      environment,
      deadlineMs: 120_000,
    });
  }

  async function succeeds(...args: Parameters<typeof run>): Promise<void> {
    const ran = await run(...args);
    // On a busy machine a statement may take long enough for DuckDB to draw a bar.
    assert.equal(
      ran.stdout
        .trim()
        .split(/[\r\n]/)
        .at(-1),
      'ok',
      ran.stderr,
    );
  }

  for (const over of ['socket', 'tcp'] as const) {
    test(`creates, writes inlined and Parquet, alters, travels in time, over ${over}`, async (t) => {
      if (needsClient(t, 'python')) await succeeds('everything', over, over);
    });
  }

  // A real PostgreSQL as the catalog makes the second one wait for the first's row locks, here for ever.
  test('two transactions that move the same inlined rows collide at once, and say so', async (t) => {
    if (needsClient(t, 'python')) await succeeds('collide', 'collide', 'tcp');
  });

  // DuckLake gives up after ten retries. Among as many writers as here it would, if the same ones could come second again and again.
  test('sixteen writers append to one table, none gives up, and every row is there once', async (t) => {
    if (!needsClient(t, 'python')) return;
    const processes = scaled(8, 16);
    await succeeds('prepare', 'shared', 'socket');
    const numbers = Array.from({ length: processes }, (_, i) => i + 1);
    await Promise.all(numbers.map((number) => succeeds('compete', 'shared', number === 1 ? 'socket' : 'tcp', number)));
    await succeeds('count', 'shared', 'socket', processes * 2 * 10);
  });
});
