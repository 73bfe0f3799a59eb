/** Metrics of background maintenance. */
import { Counter, Gauge, type Registry } from 'prom-client';

export interface MaintenanceMetrics {
  /** A pass ended: in order, gave way to users, failed, or was stopped. */
  pass(end: 'done' | 'gave-way' | 'failed', ms: number): void;
  flushed(rows: number): void;
  expired(snapshots: number): void;
  /** Files merged or written anew: taken, and made of them. */
  compacted(how: 'merge' | 'rewrite', taken: number, made: number): void;
  deleted(kind: 'old' | 'orphan' | 'dropped', files: number, bytes: number): void;
  /** Lakes that wait for their turn. */
  waiting(lakes: number): void;
}

/** Registers them. Call once per registry. */
export function createMaintenanceMetrics(registry: Registry): MaintenanceMetrics {
  const registers = [registry];
  const name = (rest: string): string => `boilstream_maintenance_${rest}`;
  const passes = new Counter({
    name: name('passes_total'),
    help: 'Passes over a lake, by how they ended',
    labelNames: ['end'],
    registers,
  });
  const seconds = new Counter({ name: name('seconds_total'), help: 'Time spent in passes', registers });
  const rows = new Counter({ name: name('flushed_rows_total'), help: 'Rows moved from the catalog into files', registers });
  const snapshots = new Counter({ name: name('expired_snapshots_total'), help: 'Snapshots expired', registers });
  const taken = new Counter({
    name: name('files_taken_total'),
    help: 'Files merged or written anew',
    labelNames: ['how'],
    registers,
  });
  const made = new Counter({ name: name('files_made_total'), help: 'Files made of them', labelNames: ['how'], registers });
  const files = new Counter({
    name: name('files_deleted_total'),
    help: 'Files deleted, by why',
    labelNames: ['kind'],
    registers,
  });
  const bytes = new Counter({
    name: name('bytes_deleted_total'),
    help: 'Bytes of files deleted, by why',
    labelNames: ['kind'],
    registers,
  });
  const waiting = new Gauge({ name: name('lakes_waiting'), help: 'Lakes that wait for their turn', registers });
  for (const end of ['done', 'gave-way', 'failed']) passes.inc({ end }, 0);
  return {
    pass(end, ms) {
      passes.inc({ end });
      seconds.inc(ms / 1000);
    },
    flushed: (count) => rows.inc(count),
    expired: (count) => snapshots.inc(count),
    compacted(how, takenCount, madeCount) {
      taken.inc({ how }, takenCount);
      made.inc({ how }, madeCount);
    },
    deleted(kind, count, size) {
      files.inc({ kind }, count);
      bytes.inc({ kind }, size);
    },
    waiting: (lakes) => waiting.set(lakes),
  };
}
