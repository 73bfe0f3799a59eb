/**
 * The catalogs' side of background maintenance, in the metadata worker: what the lakes' databases show, and which files may
 * go. The rest of the work is done by an engine (server/maintenance). Arguments and results can be cloned.
 */
import { type Lake, lakeDatabaseName } from '../../base/domain.ts';
import type { ReplicatedLog } from '../replicated/ports.ts';
import { collectDroppedLakes, type DroppedOptions } from './dropped.ts';
import { collectGarbage, type GarbageOptions } from './garbage.ts';
import type { Collected, CollectedLake, LakeFacts } from './ports.ts';
import { survey, type SurveyRequest } from './survey.ts';

export interface LakeMaintenanceOptions extends GarbageOptions, Pick<DroppedOptions, 'lakesPrefix' | 'retentionMs'> {
  readonly log: ReplicatedLog;
}

export class LakeMaintenance {
  readonly #options: LakeMaintenanceOptions;

  constructor(options: LakeMaintenanceOptions) {
    this.#options = options;
  }

  /** The state of every live lake's database in the log, by lake id. Opens no database. */
  async marks(): Promise<ReadonlyMap<string, string>> {
    const { log, control } = this.#options;
    const marks = log.marks();
    const lakes = await control.lakes();
    return new Map(
      lakes.flatMap((lake) => {
        const mark = marks.get(lakeDatabaseName(lake));
        return mark === undefined ? [] : [[lake.id, mark] as const];
      }),
    );
  }

  /** Counts what could be done on a lake. */
  async survey(lake: Pick<Lake, 'id'>, request: Omit<SurveyRequest, 'database'>): Promise<LakeFacts> {
    const { log, sessions } = this.#options;
    const name = lakeDatabaseName(lake);
    const traffic = await sessions.traffic(lake);
    // Asked before anything is read: what is written meanwhile makes another mark, and so another pass.
    const mark = log.marks().get(name) ?? '';
    const oldestTransactionAt = traffic.oldestAt();
    const database = await log.open(name);
    const connection = await database.connect();
    try {
      return { mark, ...(await survey(connection, { ...request, database: name })), oldestTransactionAt };
    } finally {
      connection.closeSync();
      await database.barrier();
    }
  }

  /** One look at the files that no snapshot names. `orphans` as in garbage.ts. */
  collect(lake: Lake, orphans: readonly string[] | null): Promise<Collected> {
    return collectGarbage(lake, orphans, this.#options);
  }

  /** Ends dropped lakes whose time has come. */
  collectDropped(): Promise<CollectedLake[]> {
    const { log } = this.#options;
    return collectDroppedLakes({ ...this.#options, databases: () => log.databases(), databaseOf: lakeDatabaseName });
  }
}
