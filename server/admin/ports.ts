/** What administration needs handed in. Types only; main.ts passes what fulfils them. */
import type { Lake, Principal, Right } from '../../base/domain.ts';

/** Who acts: ids are looked up anew where the command is executed. */
export interface ActorReference {
  readonly id: string;
  readonly kind: 'pod' | 'user';
  readonly credentialId?: string | undefined;
}

export interface LakeListing {
  readonly id: string;
  readonly name: string;
  readonly dataPath: string;
  readonly right: Right;
  readonly createdBy: string;
  readonly createdAt: number;
}
export interface UserListing {
  readonly id: string;
  readonly name: string;
  readonly admin: boolean;
  readonly superadmin: boolean;
  readonly createdAt: number;
  readonly lakes: readonly { readonly lake: string; readonly access: Right }[];
}
export interface CredentialListing {
  readonly id: string;
  readonly user: string;
  readonly owner: string;
  readonly lake: string | null;
  readonly readOnly: boolean;
  readonly onlyLake: boolean;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}
export interface AuditListing {
  readonly id: number;
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly detail: Record<string, unknown>;
}

/** The control catalog, in the metadata worker or on the leader. Every call resolves only when what it shows is durable. */
export interface ControlPort {
  execute(
    command: { readonly name: string; readonly args: unknown },
    by: { readonly principal: ActorReference; readonly idempotencyKey?: string | undefined },
  ): Promise<Record<string, unknown>>;
  lakes(): Promise<Lake[]>;
  creatingLakes(): Promise<Lake[]>;
  lakesOf(principal: ActorReference): Promise<LakeListing[]>;
  listUsers(principal: ActorReference): Promise<UserListing[]>;
  listGrants(principal: ActorReference, lake: string): Promise<{ user: string; access: string; grantedAt: number }[]>;
  listCredentials(principal: ActorReference, ofUser?: string): Promise<CredentialListing[]>;
  listAudit(principal: ActorReference, limit: number): Promise<AuditListing[]>;
  principalOf(who: { readonly userId: string } | { readonly credentialId: string }): Promise<Principal | undefined>;
}

/** Makes DuckLake's tables in a new lake's database, by attaching it as a pod. Must be safe to repeat. */
export interface LakeInitialiser {
  initialise(lake: Lake): Promise<void>;
}

/** Where to: a position of the log, a time (milliseconds since 1970), or just before the lake was dropped. */
export type RestoreTo =
  | { readonly t: 'position'; readonly epoch: number; readonly seq: number }
  | { readonly t: 'time'; readonly time: number }
  | { readonly t: 'drop' };

/** Takes lakes back, where the log is. Resolves when sessions can use the lake; a refusal means that nothing has changed. */
export interface LakeRestorer {
  restore(
    request: { readonly name: string; readonly to: RestoreTo; readonly as?: string | undefined; readonly said?: string },
    by: ActorReference,
    idempotencyKey: string | undefined,
  ): Promise<{
    readonly lake: Lake;
    readonly restored: { readonly position: string; readonly time: number | null };
    readonly before: string | null;
  }>;
}

/** Where clients reach this pod, for strings that are handed out; asked each time, ports may be known late. */
export interface PublicAddresses {
  pgwire(): { readonly host: string; readonly port: number };
  /** File of the pod's own CA on this machine; undefined when the certificate is signed by somebody else. */
  readonly caPath: string | undefined;
}

/** What is known of a lake's background maintenance. Times are milliseconds since 1970, durations milliseconds. */
export interface LakeMaintenance {
  readonly settings: {
    readonly enabled: boolean;
    /** null = snapshots never expire. */
    readonly snapshotRetentionMs: number | null;
    readonly flushAfterMs: number;
  };
  readonly last: {
    readonly at: number;
    readonly ms: number;
    readonly end: 'done' | 'gave-way' | 'failed';
    readonly reason: string | null;
    readonly did: {
      readonly rowsFlushed: number;
      readonly snapshotsExpired: number;
      readonly filesMerged: number;
      readonly filesRewritten: number;
      readonly filesMade: number;
      readonly filesDeleted: number;
      readonly bytesDeleted: number;
    };
    readonly keeps: readonly string[];
  } | null;
  readonly isRunning: boolean;
  /** null = when somebody has written. */
  readonly nextAt: number | null;
}

/** The background maintenance of this pod. */
export interface MaintenancePort {
  of(lakeId: string): Promise<LakeMaintenance>;
  /** Resolves when a pass on this lake has ended, however it did. */
  runNow(lakeId: string): Promise<unknown>;
}
