/** The files of a database as the ledger describes them: base from the store, WAL bytes already there; proved to be whole. */
import { existsSync, statSync } from 'node:fs';
import { LakeError } from '../../base/errors.ts';
import { type ChunkStore, downloadFile } from './chunks.ts';
import type { DatabaseState } from './ledger.ts';
import { Wal } from './wal.ts';
import { summarizeFrames } from './wal-frames.ts';

/**
 * Puts the base of `state` at `file`, in front of (and below) the WAL bytes that were restored to `<file>.wal`. Resolves to
 * the WAL's length. Throws `corrupt` naming the chunk, or when the WAL does not end with a whole commit.
 */
export async function completeFiles(file: string, state: DatabaseState, chunks: ChunkStore): Promise<number> {
  const wal = `${file}.wal`;
  const from = { ...chunks, database: state.database, name: state.name };
  await downloadFile(file, state.base.file, 'w', from);
  if (state.base.wal.length > 0) await downloadFile(wal, state.base.wal, existsSync(wal) ? 'r+' : 'w', from);
  const size = existsSync(wal) ? statSync(wal).size : 0;
  if (size !== state.walEnd || !isWholeWal(file, size)) {
    throw new LakeError('corrupt', `the WAL restored for ${state.name} does not end with a whole commit at ${state.walEnd}`, {
      hint: 'restore this lake to an earlier point; other lakes are not affected',
    });
  }
  return size;
}

/** Reads a restored WAL from front to back in large pieces and looks whether it ends with a commit. */
function isWholeWal(file: string, size: number): boolean {
  if (size === 0) return true;
  const wal = new Wal(file, size);
  try {
    let from = 0;
    let piece: Buffer = Buffer.alloc(0);
    const read = (offset: number, length: number): Buffer => {
      if (offset < from || offset + length > from + piece.length) {
        from = offset;
        piece = wal.read(offset, Math.min(size, offset + Math.max(length, 1_048_576)));
      }
      return piece.subarray(offset - from, offset - from + length);
    };
    return summarizeFrames(read, 0, size).isWhole;
  } finally {
    wal.close();
  }
}
