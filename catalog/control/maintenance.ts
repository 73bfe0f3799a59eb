/** What the control catalog remembers of lakes' maintenance. Times are milliseconds since 1970. */
import type { Tx } from './store.ts';

/** What an owner has set for a lake; what is absent is as the pod's configuration says. Durations are milliseconds. */
export interface MaintenanceSettings {
  readonly enabled?: boolean | undefined;
  /** null = snapshots never expire. */
  readonly snapshotRetentionMs?: number | null | undefined;
  readonly flushAfterMs?: number | undefined;
}

export interface MaintenanceRow {
  readonly lakeId: string;
  readonly settings: MaintenanceSettings;
  /** What the last pass left, as who ran it wrote it; null before the first. */
  readonly passed: unknown;
}

/** Of all lakes that have any. */
export async function readMaintenance(tx: Tx): Promise<MaintenanceRow[]> {
  const rows = await tx.all<{ lake_id: string; settings: string; passed: string | null }>('SELECT * FROM maintenance');
  return rows.map((row) => ({
    lakeId: row.lake_id,
    settings: JSON.parse(row.settings) as MaintenanceSettings,
    passed: row.passed === null ? null : JSON.parse(row.passed),
  }));
}

/** Replaces what is remembered of a lake; `undefined` leaves a part as it is. */
export async function writeMaintenance(
  tx: Tx,
  lakeId: string,
  change: { readonly settings?: MaintenanceSettings; readonly passed?: unknown },
): Promise<void> {
  const known = await tx.one<{ settings: string; passed: string | null }>(
    'SELECT settings, passed FROM maintenance WHERE lake_id = $1',
    [lakeId],
  );
  await tx.run('DELETE FROM maintenance WHERE lake_id = $1', [lakeId]);
  await tx.run('INSERT INTO maintenance VALUES ($1, $2, $3)', [
    lakeId,
    change.settings === undefined ? (known?.settings ?? '{}') : JSON.stringify(change.settings),
    change.passed === undefined ? (known?.passed ?? null) : JSON.stringify(change.passed),
  ]);
}

/** A file that no snapshot of its lake names (catalog/maintenance says what becomes of it). */
export interface GarbageRow {
  readonly path: string;
  readonly kind: 'old' | 'orphan';
  readonly seenAt: number;
  readonly condemned: { readonly epoch: number; readonly at: number } | null;
}

/** In no particular order. */
export async function readGarbage(tx: Tx, lakeId: string): Promise<GarbageRow[]> {
  const rows = await tx.all<{
    path: string;
    kind: 'old' | 'orphan';
    seen_at: number;
    condemned_epoch: number | null;
    condemned_at: number | null;
  }>('SELECT path, kind, seen_at, condemned_epoch, condemned_at FROM garbage WHERE lake_id = $1', [lakeId]);
  return rows.map(({ path, kind, seen_at, condemned_epoch, condemned_at }) => ({
    path,
    kind,
    seenAt: seen_at,
    condemned: condemned_epoch === null || condemned_at === null ? null : { epoch: condemned_epoch, at: condemned_at },
  }));
}

const rowsPerInsert = 500;

/** Replaces all of a lake's. */
export async function writeGarbage(tx: Tx, lakeId: string, rows: readonly GarbageRow[]): Promise<void> {
  await tx.run('DELETE FROM garbage WHERE lake_id = $1', [lakeId]);
  for (let start = 0; start < rows.length; start += rowsPerInsert) {
    const some = rows.slice(start, start + rowsPerInsert);
    const places = some.map((_, i) => `($1, ${[2, 3, 4, 5, 6].map((n) => `$${i * 5 + n}`).join(', ')})`).join(', ');
    const values = some.flatMap((row) => [
      row.path,
      row.kind,
      row.seenAt,
      row.condemned?.epoch ?? null,
      row.condemned?.at ?? null,
    ]);
    await tx.run(`INSERT INTO garbage VALUES ${places}`, [lakeId, ...values]);
  }
}
