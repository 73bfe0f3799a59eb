/**
 * A database as it was at a point of the retained log: its base of then, proved chunk by chunk, with the WAL bytes behind
 * it. What comes out are files that DuckDB opens; who asked makes a database of them that has a name and uuid of its own.
 */
import { renameSync } from 'node:fs';
import { LakeError } from '../../base/errors.ts';
import { completeFiles } from './base-files.ts';
import type { ChunkStore } from './chunks.ts';
import { type LogReader, type LogReaderOptions, openLogReaderBefore } from './log-reader.ts';
import type { Applied } from './ledger.ts';
import type { PastPoint, Until } from './ports.ts';
import { databaseFile, RestoredWal } from './restored-wal.ts';

/** The databases that existed at a point, by name. Throws as `pastFiles` does. */
export async function databasesAt(
  until: Until,
  options: LogReaderOptions,
): Promise<{ readonly point: PastPoint; readonly names: readonly string[] }> {
  const reader = await readTo(until, options, () => undefined);
  return { point: pointOf(reader), names: [...reader.ledger.databases.values()].map(({ name }) => name) };
}

export interface PastFilesOptions extends LogReaderOptions {
  readonly chunks: ChunkStore;
  /** Name of the database at that point. */
  readonly name: string;
  /** An empty folder to work in. */
  readonly directory: string;
  /** Where the database file is to be, on the same volume; its WAL comes beside it. */
  readonly file: string;
}

/**
 * Writes the files of a database as they were at `until`, and hands over the commits that DuckDB had not made by then
 * (row-changes.ts). Throws `not_found` when there was no such database then, `invalid_argument` when the log does not reach there, `corrupt` naming what is damaged, `store_unavailable`.
 */
export async function pastFiles(
  until: Until,
  options: PastFilesOptions,
): Promise<{ readonly point: PastPoint; readonly rows: readonly Buffer[] }> {
  const { name, directory, file, chunks } = options;
  const wal = new RestoredWal(directory);
  const reader = await readTo(until, options, (applied, { ledger }) => {
    const isMine = (item: Applied): boolean =>
      ledger.databases.get(item.t === 'control' ? item.control.database : item.entry.database)?.name === name;
    wal.take(applied.filter(isMine));
  });
  wal.flush();
  const state = reader.ledger.byName(name);
  const point = pointOf(reader);
  if (!state)
    throw new LakeError('not_found', `there was no database ${name} at ${point.position.epoch}/${point.position.seq} of the log`);
  const restored = databaseFile(directory, state.database, state.base.generation);
  const walBytes = await completeFiles(restored, state, chunks);
  renameSync(restored, file);
  if (walBytes > 0) renameSync(`${restored}.wal`, `${file}.wal`);
  return { point, rows: wal.rowsOf(state.database) };
}

async function readTo(
  until: Until,
  options: LogReaderOptions,
  take: (applied: readonly Applied[], reader: LogReader) => void,
): Promise<LogReader> {
  const reader = await openLogReaderBefore(until, options);
  const isReached = await reader.to(until, (applied) => take(applied, reader));
  if (!isReached && until.t === 'position') {
    const { epoch, seq } = reader.ledger.position;
    if (epoch < until.position.epoch || (epoch === until.position.epoch && seq < until.position.seq))
      throw new LakeError(
        'invalid_argument',
        `the log ends at ${epoch}/${seq}, before ${until.position.epoch}/${until.position.seq}`,
      );
  }
  return reader;
}

function pointOf({ ledger: { position, time } }: LogReader): PastPoint {
  return { position, time };
}
