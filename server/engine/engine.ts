/** The engine of a pod: instances by grants, admission, and the base database they start from. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Lake, Principal } from '../../base/domain.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { Admission } from './admission.ts';
import { createBaseDatabase } from './base-database.ts';
import { EngineConnection } from './connection.ts';
import { initialiseLake } from './initialise-lake.ts';
import { defaultEngineLimits, type EngineLimits } from './limits.ts';
import { InstancePool, type Lease } from './pool.ts';
import type { SessionCall } from './session-call.ts';
import { Workshop } from './workshop.ts';
import type { BaseCatalog, DataKeys, Lakes, MetadataEndpoint, MetadataTokens } from './ports.ts';

export interface EngineOptions {
  readonly lakes: Lakes;
  readonly tokens: MetadataTokens;
  /** Absent when all lakes lie in local directories. */
  readonly dataKeys?: DataKeys | undefined;
  readonly baseCatalog?: BaseCatalog | undefined;
  /** Local directory of the engine (base database, spool, spill); emptied at start. */
  readonly directory: string;
  readonly limits?: Partial<EngineLimits>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What a workshop may take beside the instances of users: bytes and threads. */
export interface WorkshopBudget {
  readonly memoryBytes: number;
  readonly threads: number;
  readonly spillBytesMax: number;
}

export class Engine {
  readonly admission: Admission;
  readonly lakes: Lakes;
  readonly pool: InstancePool;
  readonly #options: EngineOptions;
  readonly #basePath: string;

  private constructor(options: EngineOptions, basePath: string) {
    this.#options = options;
    this.#basePath = basePath;
    this.lakes = options.lakes;
    const limits = { ...defaultEngineLimits, ...options.limits };
    this.admission = new Admission(options.clock, limits);
    this.pool = new InstancePool({
      ...options,
      dataKeys: options.dataKeys,
      limits,
      basePath,
      directory: join(options.directory, 'instances'),
    });
  }

  /** Empties the engine's directory, makes the base database and is ready; opens no instance yet. */
  static async start(options: EngineOptions): Promise<Engine> {
    rmSync(join(options.directory, 'instances'), { recursive: true, force: true });
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    return new Engine(options, await createBaseDatabase(options.directory, options.baseCatalog));
  }

  /** A connection for one session of the principal, with its hold on the instance; `call` answers its `session_call`s. Close the connection, then release. */
  async connect(
    principal: Principal,
    call?: SessionCall,
  ): Promise<{ readonly lease: Lease; readonly connection: EngineConnection }> {
    const lease = await this.pool.lease(principal);
    try {
      return { lease, connection: await this.connection(lease, call) };
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  /** A connection of an instance that is leased. Close it before the lease is released. */
  async connection(lease: Lease, call?: SessionCall): Promise<EngineConnection> {
    const connection = await lease.instance.connect();
    const forget = call && lease.instance.answer(connection, call);
    return new EngineConnection(connection, this.admission, forget);
  }

  /** Creates DuckLake's tables for a new lake whose metadata database exists. */
  initialiseLake(lake: Lake): Promise<void> {
    return initialiseLake({ lake, tokens: this.#options.tokens, dataKeys: this.#options.dataKeys });
  }

  /** An instance with this one lake for the pod's own work on it; the caller closes it. `endpoint` opens its metadata. */
  openWorkshop(lake: Lake, endpoint: MetadataEndpoint, budget: WorkshopBudget): Promise<Workshop> {
    const { dataKeys, clock, random, log, directory } = this.#options;
    const access = [{ lake, right: 'owner' as const }];
    return Workshop.open({
      ...budget,
      access,
      endpoint,
      dataKeys,
      clock,
      random,
      log,
      basePath: this.#basePath,
      directory: join(directory, 'instances'),
    });
  }

  /** Closes every instance. Sessions must have been closed before. */
  async close(): Promise<void> {
    await this.pool.close();
    rmSync(join(this.#options.directory, 'instances'), { recursive: true, force: true });
  }
}
