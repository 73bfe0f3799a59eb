/**
 * A replicated log without replication: DuckDB files in a directory, durable as soon as DuckDB says so, unless the test
 * holds durability back. For rooms that live on the log; the log itself has its own tests.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { decodeRowChanges, toStatements } from '../../catalog/replicated/row-changes.ts';
import type { LogPosition, ReplicatedDatabase, ReplicatedLog } from '../../catalog/replicated/ports.ts';

export interface FakeLog extends ReplicatedLog {
  /** Durability of commits from now on waits for this promise; undefined = durable at once. */
  hold: Promise<void> | undefined;
  /** Throws from the named call, to play a crash at that point. */
  failAt: 'create' | 'drop' | 'commit' | undefined;
  /** Commits that were made without DuckDB. */
  recorded: number;
}

/** Opens the files below `directory`; opening it again after `close` plays a restart. */
export async function openFakeLog(directory: string): Promise<FakeLog> {
  const instance = await DuckDBInstance.create(':memory:');
  const admin = await instance.connect();
  const open = new Map<string, ReplicatedDatabase>();
  let pending: Promise<void> | undefined;
  const commits = new Map<string, number>();
  const position: LogPosition = { epoch: 1, seq: 1 };
  const names = (): string[] =>
    readdirSync(directory)
      .filter((file) => file.endsWith('.db'))
      .map((file) => file.slice(0, -3));

  async function attach(name: string): Promise<ReplicatedDatabase> {
    await admin.run(`ATTACH '${join(directory, `${name}.db`)}' AS "${name}"`);
    const rows: Buffer[] = [];
    let applying: Promise<void> | null = null;
    const committed = (): { durable(): Promise<LogPosition> } => {
      commits.set(name, (commits.get(name) ?? 0) + 1);
      const { hold } = log;
      if (hold) pending = hold;
      return {
        durable: async () => {
          await hold;
          return position;
        },
      };
    };
    const database: ReplicatedDatabase = {
      uuid: name,
      name,
      async connect(): Promise<DuckDBConnection> {
        await database.caughtUp();
        const connection = await instance.connect();
        await connection.run(`USE "${name}"`);
        return connection;
      },
      async record(bytes, mayStill) {
        if (log.failAt === 'commit') throw new LakeError('store_unavailable', 'crashed in commit');
        if (!mayStill()) return null;
        log.recorded++;
        rows.push(bytes);
        return committed();
      },
      caughtUp() {
        if (rows.length === 0) return applying;
        // The state of the recorded commits is DuckDB's before anybody looks.
        const statements = toStatements(rows.splice(0).map(decodeRowChanges), name);
        const done = (applying ?? Promise.resolve()).then(async () => {
          await admin.run(`BEGIN TRANSACTION; ${statements.join('; ')}; COMMIT`);
          if (applying === done) applying = null;
        });
        applying = done;
        return done;
      },
      async commit(connection) {
        await database.caughtUp();
        if (log.failAt === 'commit') throw new LakeError('store_unavailable', 'crashed in commit');
        await connection.run('COMMIT');
        return committed();
      },
      barrier: () => pending ?? null,
    };
    open.set(name, database);
    return database;
  }

  const log: FakeLog = {
    hold: undefined,
    failAt: undefined,
    recorded: 0,
    lost: new AbortController().signal,
    databases: async () => names(),
    marks: () => new Map(names().map((name) => [name, String(commits.get(name) ?? 0)])),
    async open(name) {
      const database = open.get(name);
      if (database) return database;
      if (!names().includes(name)) throw new LakeError('not_found', `no database ${name}`);
      return attach(name);
    },
    async create(name) {
      if (log.failAt === 'create') throw new LakeError('store_unavailable', 'crashed in create');
      if (names().includes(name)) throw new LakeError('already_exists', `database ${name} exists`);
      return attach(name);
    },
    async drop(name) {
      if (log.failAt === 'drop') throw new LakeError('store_unavailable', 'crashed in drop');
      if (!names().includes(name)) throw new LakeError('not_found', `no database ${name}`);
      if (open.delete(name)) await admin.run(`DETACH "${name}"`);
      for (const suffix of ['', '.wal']) rmSync(join(directory, `${name}.db${suffix}`), { force: true });
    },
    restore: async () => {
      throw new LakeError('feature_not_supported', 'the fake log keeps no past');
    },
    look: async () => {
      throw new LakeError('feature_not_supported', 'the fake log keeps no past');
    },
    settled: async () => position,
    databasesAt: async () => ({ point: { position, time: 0 }, names: names() }),
    position: () => position,
    maintain: async () => {},
    async close() {
      admin.closeSync();
      instance.closeSync();
    },
  };
  return log;
}
