/**
 * The catalogs' side of background maintenance, in the metadata worker: what the lakes' databases show. The work itself
 * is done by an engine (server/maintenance).
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Lake, lakeDatabaseName } from '../../base/domain.ts';
import type { ReplicatedDatabase, ReplicatedLog } from '../replicated/ports.ts';
import type { LakeFacts } from './ports.ts';
import { survey, type SurveyRequest } from './survey.ts';

export interface LakeMaintenanceOptions {
  readonly log: ReplicatedLog;
  readonly lakes: () => Promise<readonly Lake[]>;
  /** Since when the oldest transaction on a lake has been open; null when there is none. */
  readonly oldestTransactionAt: (lakeId: string) => number | null;
}

export class LakeMaintenance {
  readonly #options: LakeMaintenanceOptions;

  constructor(options: LakeMaintenanceOptions) {
    this.#options = options;
  }

  /** The state of every live lake's database in the log, by lake id. Opens no database. */
  async marks(): Promise<ReadonlyMap<string, string>> {
    const marks = this.#options.log.marks();
    const lakes = await this.#options.lakes();
    return new Map(
      lakes.flatMap((lake) => {
        const mark = marks.get(lakeDatabaseName(lake));
        return mark === undefined ? [] : [[lake.id, mark] as const];
      }),
    );
  }

  /** Counts what could be done on a lake. */
  async survey(lake: Pick<Lake, 'id'>, request: Omit<SurveyRequest, 'database'>): Promise<LakeFacts> {
    const { log, oldestTransactionAt } = this.#options;
    const name = lakeDatabaseName(lake);
    // Asked before anything is read: what is written meanwhile makes another mark, and so another pass.
    const mark = log.marks().get(name) ?? '';
    const counted = await this.#on(await log.open(name), (connection) => survey(connection, { ...request, database: name }));
    return { mark, ...counted, oldestTransactionAt: oldestTransactionAt(lake.id) };
  }

  async #on<T>(database: ReplicatedDatabase, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await database.connect();
    try {
      return await work(connection);
    } finally {
      connection.closeSync();
      await database.barrier();
    }
  }
}
