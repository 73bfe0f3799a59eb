/** Metrics of the log. `noMetrics` serves tests and tools. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { LogPosition } from './ports.ts';

export interface LogMetrics {
  /** A put that succeeded: milliseconds and bytes. */
  put(ms: number, bytes: number): void;
  /** A put that was refused or had no answer. */
  unknown(): void;
  /** Commits and records gathered into one segment. */
  group(items: number): void;
  shipped(position: LogPosition, items: number): void;
  snapshot(database: string, ms: number, bytes: number): void;
  opened(ms: number): void;
  lost(): void;
  /** Called once by the log with what can be asked at any time. */
  observe(source: { snapshotAgeSeconds(): number; walBytes(): number }): void;
}

export const noMetrics: LogMetrics = {
  put: () => undefined,
  unknown: () => undefined,
  group: () => undefined,
  shipped: () => undefined,
  snapshot: () => undefined,
  opened: () => undefined,
  lost: () => undefined,
  observe: () => undefined,
};

/** Registers the metrics of one log. Call once per registry. */
export function createLogMetrics(registry: Registry): LogMetrics {
  const registers = [registry];
  let source = { snapshotAgeSeconds: (): number => 0, walBytes: (): number => 0 };
  const puts = new Counter({ name: 'boilstream_log_puts_total', help: 'Segments put into the object store', registers });
  const unknown = new Counter({
    name: 'boilstream_log_puts_undecided_total',
    help: 'Attempts of a put that were refused or had no answer',
    registers,
  });
  const commits = new Counter({ name: 'boilstream_log_commits_total', help: 'Commits made durable', registers });
  const bytes = new Counter({ name: 'boilstream_log_bytes_total', help: 'Bytes of segments put', registers });
  const perPut = new Histogram({
    name: 'boilstream_log_commits_per_put',
    help: 'Commits that shared one put',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers,
  });
  const latency = new Histogram({
    name: 'boilstream_log_put_seconds',
    help: 'Duration of a successful put',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
    registers,
  });
  const epoch = new Gauge({ name: 'boilstream_log_epoch', help: 'Epoch of this leader', registers });
  const seq = new Gauge({ name: 'boilstream_log_seq', help: 'Last durable segment of this epoch', registers });
  const snapshots = new Counter({ name: 'boilstream_log_snapshots_total', help: 'Snapshots taken', registers });
  const snapshotBytes = new Counter({
    name: 'boilstream_log_snapshot_bytes_total',
    help: 'Bytes of new chunks uploaded by snapshots',
    registers,
  });
  const snapshotSeconds = new Histogram({
    name: 'boilstream_log_snapshot_seconds',
    help: 'Duration of a snapshot; commits of its database wait meanwhile',
    buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
    registers,
  });
  const restore = new Histogram({
    name: 'boilstream_log_open_seconds',
    help: 'Duration of opening a database from the store',
    buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
    registers,
  });
  const lost = new Counter({
    name: 'boilstream_log_lost_total',
    help: 'Times this pod was deposed or could not go on',
    registers,
  });
  new Gauge({
    name: 'boilstream_log_snapshot_age_seconds',
    help: 'How long the oldest commit has been waiting for a snapshot',
    registers,
    collect() {
      this.set(source.snapshotAgeSeconds());
    },
  });
  new Gauge({
    name: 'boilstream_log_wal_bytes',
    help: 'WAL bytes behind the snapshots: what a restart replays',
    registers,
    collect() {
      this.set(source.walBytes());
    },
  });
  return {
    put: (ms, size) => {
      puts.inc();
      bytes.inc(size);
      latency.observe(ms / 1000);
    },
    unknown: () => unknown.inc(),
    group: (items) => perPut.observe(items),
    shipped: (position, items) => {
      commits.inc(items);
      epoch.set(position.epoch);
      seq.set(position.seq);
    },
    snapshot: (_database, ms, size) => {
      snapshots.inc();
      snapshotBytes.inc(size);
      snapshotSeconds.observe(ms / 1000);
    },
    opened: (ms) => restore.observe(ms / 1000),
    lost: () => lost.inc(),
    observe: (asked) => {
      source = asked;
    },
  };
}
