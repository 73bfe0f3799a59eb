/**
 * The SQL sessions of a pod as they see one another: pg_stat_activity, and who may cancel or end whom. One's own sessions
 * are shown whole; those of others only that they are there, and only on lakes one may use; a superadmin sees everything.
 * Source: PostgreSQL 15 documentation, table 28.3 "pg_stat_activity View", section 9.27.2 "Server Signaling Functions".
 */
import type { Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import { AdvisoryLocks } from './advisory-locks.ts';

/** Characters of a statement that are shown, as PostgreSQL's track_activity_query_size. */
const queryLengthMax = 1024;

/** What a session says of itself when it is asked. Times are wall clock milliseconds. */
export interface Activity {
  readonly database: string;
  readonly applicationName: string;
  readonly state: 'active' | 'idle' | 'idle in transaction' | 'idle in transaction (aborted)';
  readonly query: string;
  readonly queryStart: number | null;
  readonly transactionStart: number | null;
  readonly stateChange: number;
  /** Type and event of what the session waits for. */
  readonly wait: readonly [string, string] | null;
}

export interface Backend {
  readonly pid: number;
  readonly principal: Principal;
  readonly address: string;
  readonly backendStart: number;
  activity(): Activity;
  cancel(): void;
  terminate(reason: LakeError): void;
}

/** Who asks: a session's principal, and whether it may use a lake now. */
export interface Asking {
  readonly principal: Principal;
  maySee(lake: string): boolean;
}

export class Backends {
  readonly locks = new AdvisoryLocks();
  /** When the pod started, wall clock milliseconds. */
  readonly startedAt: number;
  readonly #backends = new Map<number, Backend>();

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  /** Call the returned function when the session is over. */
  enter(backend: Backend): () => void {
    this.#backends.set(backend.pid, backend);
    return () => {
      if (this.#backends.get(backend.pid) === backend) this.#backends.delete(backend.pid);
    };
  }

  /** Rows of pg_stat_activity as JSON: times in microseconds. */
  list(asking: Asking): string {
    const micros = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 1000));
    const rows = [...this.#backends.values()].flatMap(({ pid, principal, address, backendStart, activity }) => {
      const now = activity();
      const own = asking.principal.superuser || principal.id === asking.principal.id;
      if (!own && !asking.maySee(now.database)) return [];
      const shown = { pid, datname: now.database, usename: principal.name, backend_type: 'client backend' };
      if (!own) return [{ ...shown, query: '<insufficient privilege>' }];
      return [
        {
          ...shown,
          application_name: now.applicationName,
          client_addr: address,
          backend_start: micros(backendStart),
          xact_start: micros(now.transactionStart),
          query_start: micros(now.queryStart),
          state_change: micros(now.stateChange),
          wait_event_type: now.wait?.[0] ?? null,
          wait_event: now.wait?.[1] ?? null,
          state: now.state,
          query: now.query.slice(0, queryLengthMax),
        },
      ];
    });
    return JSON.stringify(rows);
  }

  /** False when there is no such session. Throws permission_denied when it is another's, unless a superadmin asks. */
  signal(asking: Asking, pid: number, kind: 'cancel' | 'terminate'): boolean {
    const backend = this.#backends.get(pid);
    const own = backend?.principal.id === asking.principal.id || asking.principal.superuser;
    // A session one may not see is not there.
    if (backend === undefined || (!own && !asking.maySee(backend.activity().database))) return false;
    if (!own)
      throw new LakeError('permission_denied', `must be the same user to ${kind} session ${pid}`, {
        hint: "A superadmin may end anyone's session.",
      });
    if (kind === 'cancel') backend.cancel();
    else backend.terminate(new LakeError('admin_shutdown', 'terminating connection due to administrator command'));
    return true;
  }
}
