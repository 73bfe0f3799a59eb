/** An engine over a metadata server in a worker thread, with lakes, grants and SQL sessions: a pod without wires and control catalog. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { DuckDBValue } from '@duckdb/node-api';
import { systemClock } from '../../base/clock.ts';
import type { Lake, Principal, Right } from '../../base/domain.ts';
import { LakeError, toLakeError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import type { RowStream, StatementSession } from '../../base/statement-session.ts';
import { pgCatalog } from '../../catalog/pg/install.ts';
import { pgNames } from '../../catalog/pg/names.ts';
import { Engine } from '../../server/engine/engine.ts';
import type { EngineLimits } from '../../server/engine/limits.ts';
import type { LakeAccess } from '../../server/engine/ports.ts';
import { Backends } from '../../server/statements/backends.ts';
import type { Admin } from '../../server/statements/ports.ts';
import { openStatementSession } from '../../server/statements/session.ts';
import type { MetadataRequest } from './metadata-server.ts';

type Asked<T = MetadataRequest> = T extends MetadataRequest ? Omit<T, 'id'> : never;

/** What one statement gave. */
export interface Given {
  readonly tag: string;
  readonly names: readonly string[];
  readonly rows: readonly (readonly DuckDBValue[])[];
}

/** What a session said outside of its answers. */
interface Told {
  readonly notices: string[];
  readonly reported: string[];
  readonly terminated: LakeError[];
  /** Names of statements the wire holds, for DEALLOCATE. */
  readonly parsed: Set<string>;
}

export class TestSession {
  readonly session: StatementSession;
  readonly notices: string[];
  readonly reported: string[];
  readonly terminated: LakeError[];
  readonly parsed: Set<string>;

  constructor(session: StatementSession, told: Told) {
    this.session = session;
    this.notices = told.notices;
    this.reported = told.reported;
    this.terminated = told.terminated;
    this.parsed = told.parsed;
  }

  /** One simple-query message, as the wire drives it. Rejects with the error the client would be sent. */
  async send(sql: string): Promise<Given[]> {
    const given: Given[] = [];
    try {
      const statements = this.session.split(sql);
      for (const [index, statement] of statements.entries()) {
        const outcome = await this.session.simple(statement, { index, count: statements.length });
        if (outcome.t === 'rows') given.push(await drain(outcome.rows, outcome.tag));
        else if (outcome.t === 'copy-out') given.push(await drain(outcome.rows, (count) => `COPY ${count}`));
        else if (outcome.t === 'copy-in') throw new LakeError('internal', 'use copyIn');
        else given.push({ tag: outcome.t === 'command' ? outcome.tag : '', names: [], rows: [] });
      }
      await this.session.sync();
      return given;
    } catch (error) {
      const shown = toLakeError(error);
      await this.session.failed(shown);
      await this.session.sync();
      throw shown;
    }
  }

  /** The rows of the last statement. */
  async rows(sql: string): Promise<readonly (readonly DuckDBValue[])[]> {
    return (await this.send(sql)).at(-1)?.rows ?? [];
  }

  /** The tag of the last statement. */
  async tag(sql: string): Promise<string> {
    return (await this.send(sql)).at(-1)?.tag ?? '';
  }

  /** The error a message gives; fails when it gives none. */
  async error(sql: string): Promise<LakeError> {
    const given = await this.send(sql).catch((error: unknown) => error as LakeError);
    if (given instanceof LakeError) return given;
    throw new Error(`no error from: ${sql}`);
  }

  /** COPY … FROM STDIN with this text. */
  async copyIn(sql: string, data: string): Promise<number> {
    const outcome = await this.session.simple(sql, { index: 0, count: 1 });
    if (outcome.t !== 'copy-in') throw new Error('not a COPY FROM');
    await outcome.sink.write(Buffer.from(data));
    const count = await outcome.sink.finish();
    await this.session.sync();
    return count;
  }

  close(): Promise<void> {
    return this.session.close();
  }
}

async function drain(stream: RowStream, tag: (count: number) => string): Promise<Given> {
  const rows: DuckDBValue[][] = [];
  let skip = stream.window?.skip ?? 0;
  let left = stream.window?.count ?? Number.POSITIVE_INFINITY;
  for (let chunk = await stream.next(); chunk !== null; chunk = await stream.next()) {
    const taken = chunk.getRows().slice(skip, skip + left);
    skip = 0;
    left -= taken.length;
    rows.push(...taken);
  }
  await stream.close();
  return { tag: tag(rows.length), names: stream.columns.map(({ name }) => name), rows };
}

export class EnginePod {
  readonly directory: string;
  readonly engine: Engine;
  readonly lakes = new Map<string, Lake>();
  readonly #grants = new Map<string, Map<string, Right>>();
  readonly #ask: (request: Asked) => Promise<void>;
  readonly #stop: () => Promise<void>;
  readonly #listeners: Set<() => void>;
  readonly #sessions: TestSession[] = [];
  readonly #backends = new Backends(systemClock.now());
  #processIds = 4711;
  admin: Admin | undefined;

  private constructor(parts: {
    directory: string;
    engine: Engine;
    ask: (request: Asked) => Promise<void>;
    stop: () => Promise<void>;
    listeners: Set<() => void>;
    grants: Map<string, Map<string, Right>>;
    lakes: Map<string, Lake>;
  }) {
    this.directory = parts.directory;
    this.engine = parts.engine;
    this.#ask = parts.ask;
    this.#stop = parts.stop;
    this.#listeners = parts.listeners;
    this.#grants = parts.grants;
    this.lakes = parts.lakes;
  }

  static async start(limits: Partial<EngineLimits> = {}): Promise<EnginePod> {
    const directory = mkdtempSync(join(tmpdir(), 'engine-pod-'));
    const worker = new Worker(new URL('./metadata-server.ts', import.meta.url), { workerData: { directory } });
    const waiting = new Map<number, () => void>();
    await new Promise<void>((resolve, reject) => {
      waiting.set(0, resolve);
      worker.on('error', reject);
      worker.on('message', (id: number) => {
        waiting.get(id)?.();
        waiting.delete(id);
      });
    });
    let last = 0;
    const ask = (request: Asked): Promise<void> =>
      new Promise((resolve) => {
        last++;
        waiting.set(last, resolve);
        worker.postMessage({ ...request, id: last });
      });
    const listeners = new Set<() => void>();
    const grants = new Map<string, Map<string, Right>>();
    const lakes = new Map<string, Lake>();
    const starting = Engine.start({
      lakes: {
        of: async (principal): Promise<LakeAccess[]> =>
          [...(grants.get(principal.name) ?? [])].map(([name, right]) => ({ lake: lakes.get(name) as Lake, right })),
        onChange: (call) => {
          listeners.add(call);
          return () => listeners.delete(call);
        },
      },
      tokens: {
        issue: async (access) => {
          const token = `${access.length === 1 && access[0]?.right === 'owner' ? 'pod' : 'engine'}-${systemRandom.uuid()}`;
          await ask({ t: 'token', token, rights: access.map(({ lake, right }) => [lake.name, right] as const) });
          return { host: directory, port: 5432, user: 'engine', token };
        },
        revoke: ({ token }) => ask({ t: 'revoke', token }),
      },
      baseCatalog: pgCatalog,
      directory: join(directory, 'engine'),
      limits: { memoryBytes: 1 << 30, ...limits },
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
    });
    // A worker left alone would keep a failed test running for ever.
    const engine = await starting.catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    });
    const stop = async (): Promise<void> => {
      await engine.close();
      await ask({ t: 'close' });
      await worker.terminate();
      rmSync(directory, { recursive: true, force: true });
    };
    return new EnginePod({ directory, engine, ask, stop, listeners, grants, lakes });
  }

  /** Creates a lake; without DuckLake's tables if `initialised` is false. */
  async createLake(name: string, { initialised = true } = {}): Promise<Lake> {
    const lake: Lake = { id: name, name, dataPath: `${join(this.directory, 'data', name)}/` };
    mkdirSync(lake.dataPath, { recursive: true });
    await this.#ask({ t: 'lake', name });
    this.lakes.set(name, lake);
    if (initialised) await this.engine.initialiseLake(lake);
    return lake;
  }

  /** Gives a user a right on a lake, or takes it (null); sessions are told. */
  grant(user: string, lake: string, right: Right | null): void {
    const rights = this.#grants.get(user) ?? new Map<string, Right>();
    this.#grants.set(user, rights);
    if (right === null) rights.delete(lake);
    else rights.set(lake, right);
    for (const listener of this.#listeners) listener();
  }

  /** A SQL session of a user; the database is its first lake unless named. */
  async session(user: string, database = 'postgres', parameters: Readonly<Record<string, string>> = {}): Promise<TestSession> {
    const told: Told = { notices: [], reported: [], terminated: [], parsed: new Set() };
    const principal: Principal = {
      id: user,
      name: user,
      kind: 'user',
      superuser: false,
      rights: this.#grants.get(user) ?? new Map(),
    };
    const session = await openStatementSession(
      {
        principal,
        database,
        parameters: new Map(Object.entries(parameters)),
        remoteAddress: '127.0.0.1',
        tls: true,
        processId: this.#processIds++,
      },
      {
        notice: (severity, code, message) => told.notices.push(`${severity} ${code} ${message}`),
        parameter: (name, value) => told.reported.push(`${name}=${value}`),
        deallocate: (name) => {
          if (name === null) told.parsed.clear();
          return name !== null && told.parsed.delete(name);
        },
        terminate: (error) => told.terminated.push(error),
      },
      {
        engine: this.engine,
        admin: this.admin,
        names: pgNames,
        backends: this.#backends,
        clock: systemClock,
        random: systemRandom,
      },
    );
    const opened = new TestSession(session, told);
    this.#sessions.push(opened);
    return opened;
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) await session.close();
    await this.#stop();
  }
}
