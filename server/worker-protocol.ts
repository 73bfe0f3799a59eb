/** What the main thread hands the metadata worker at start, and the calls that go each way. Types only. */
import type { Principal } from '../base/domain.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { LogLevel } from '../base/log.ts';
import type { LakeRestorer } from './admin/ports.ts';
import type { Config } from './config/load.ts';
import type { LakeAccess, MetadataEndpoint } from './engine/ports.ts';

export interface WorkerInput {
  readonly config: Pick<
    Config,
    'storageUrl' | 'metadataUrl' | 's3' | 'logRetentionMs' | 'deletionWaits' | 'memoryLimitBytes' | 'threads'
  >;
  readonly logLevel: LogLevel;
  readonly cacheDir: string;
  readonly socketDir: string;
  readonly encryptionKeyPath: string;
  /** Absolute prefix of all lakes' data: a directory or `s3://bucket/prefix`. */
  readonly storageRoot: string;
}

/** Served by the worker, called from the main thread. */
export interface WorkerCalls {
  /** Resolves when the log is restored and the local socket listens. */
  started(): Promise<{ readonly epoch: number; readonly store: string }>;
  /** A method of the control catalog. */
  control(method: string, ...args: unknown[]): Promise<unknown>;
  issueToken(access: readonly LakeAccess[], owner: 'engine' | 'pod' | 'maintenance'): Promise<MetadataEndpoint>;
  /** A method of the catalogs' side of maintenance. */
  maintenance(method: string, ...args: unknown[]): Promise<unknown>;
  /** Restores a lake (catalog/restore). */
  restoreLake: LakeRestorer['restore'];
  /** A token with exactly a principal's own rights, for its relayed session. */
  issuePrincipalToken(principal: Principal): Promise<MetadataEndpoint>;
  revokeToken(token: string): Promise<void>;
  /** Ends the relayed sessions of clients as soon as each is idle outside a transaction. */
  endIdleClients(): Promise<void>;
  status(): Promise<{ readonly epoch: number; readonly seq: number; readonly databases: number; readonly sessions: number }>;
  metrics(): Promise<string>;
  close(): Promise<void>;
}

/** Served by the main thread, called from the worker. */
export interface MainCalls {
  changed(changes: readonly { readonly t: string }[]): Promise<void>;
  /** The log is lost (fenced, or the store is beyond reach): nothing more may be acknowledged. */
  lost(reason: string): void;
  /** The store fails the log's puts (what to tell clients), or works again (null). */
  storeTrouble(refusal: { readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined } | null): void;
}
