/**
 * The object-store keys inside one instance, a DuckDB secret for each lake, kept those of the moment: rotated key files and
 * temporary credentials that are about to expire are replaced in place. DuckDB looks a secret up for each file it opens, so statements that
 * run go on with the keys they opened a file with, and take the new ones for the next.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Clock } from '../../base/clock.ts';
import { quoteString } from '../../base/sql-lexer.ts';
import { dataSecretSql } from './attach.ts';
import { keysCheckMs } from './limits.ts';
import type { DataKeys, LakeAccess, ObjectStoreKeys } from './ports.ts';

interface Held {
  readonly name: string;
  readonly one: LakeAccess;
  keys: ObjectStoreKeys;
}

export interface InstanceKeysOptions {
  readonly source: DataKeys;
  readonly clock: Clock;
  /** Called when new keys could not be had; the old ones stay in use, and it is tried again. */
  readonly failed: (lake: string, error: unknown) => void;
}

export class InstanceKeys {
  readonly #options: InstanceKeysOptions;
  readonly #held: Held[] = [];
  #stop = (): void => {};
  #isClosed = false;

  constructor(options: InstanceKeysOptions) {
    this.#options = options;
  }

  /** Makes the secret for a lake, before the instance is locked; nothing when the lake needs no keys. */
  async add(connection: DuckDBConnection, one: LakeAccess, name: string): Promise<void> {
    const keys = await this.#options.source.forLake(one.lake, one.right);
    if (!keys) return;
    // Of the instance: without GLOBAL an extension's setting is this connection's alone.
    if (keys.caPath !== undefined) await connection.run(`SET GLOBAL ca_cert_file = ${quoteString(keys.caPath)}`);
    await connection.run(dataSecretSql(name, one.lake, keys));
    this.#held.push({ name, one, keys });
  }

  /** Begins to look after them. `connect` gives a connection of the instance, which is closed again. */
  follow(connect: () => Promise<DuckDBConnection>): void {
    if (this.#held.length === 0) return;
    const again = (): void => {
      this.#stop = this.#options.clock.after(keysCheckMs, () => {
        void this.#refresh(connect).finally(() => {
          if (!this.#isClosed) again();
        });
      });
    };
    again();
  }

  /** The instance goes: its keys are left as they are. */
  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  async #refresh(connect: () => Promise<DuckDBConnection>): Promise<void> {
    for (const held of this.#held) {
      const { lake, right } = held.one;
      try {
        const keys = await this.#options.source.forLake(lake, right);
        if (!keys || areSame(keys, held.keys) || this.#isClosed) continue;
        const connection = await connect();
        try {
          await connection.run(dataSecretSql(held.name, lake, keys, 'CREATE OR REPLACE'));
        } finally {
          connection.closeSync();
        }
        held.keys = keys;
      } catch (error) {
        if (!this.#isClosed) this.#options.failed(lake.name, error);
      }
    }
  }
}

function areSame(a: ObjectStoreKeys, b: ObjectStoreKeys): boolean {
  return a.keyId === b.keyId && a.secret === b.secret && a.sessionToken === b.sessionToken;
}
