/**
 * The frames of DuckDB's write-ahead log (storage version 1.5): a version header without a frame around it, then
 * frames of u64 LE size · u64 LE checksum · payload. A payload begins with field 100 (64 00), the entry type as a
 * varint. Only ends and types are looked at: that a range holds whole commits, and whether one of them only points at
 * row groups written into the database file (then the WAL alone does not carry the rows).
 * Source: duckdb/src/include/duckdb/storage/write_ahead_log.hpp and common/enums/wal_type.hpp, 1.5.
 */

const typeFlush = 100;
const typeRowGroupData = 29;
const typeCheckpoint = 99;
const frameHeaderBytes = 16;

export interface FrameSummary {
  /** The range is made of whole frames and the last one ends a commit. */
  readonly isWhole: boolean;
  /** Rows lie in the database file, or a checkpoint began: the range is not enough. */
  readonly pointsOutside: boolean;
  readonly frames: number;
}

/** Reads `length` bytes at `offset` of the WAL; shorter at its end. */
export type ReadAt = (offset: number, length: number) => Buffer;

/** Walks [start, end) of a WAL. Start 0 means that the version header comes first. Never throws. */
export function summarizeFrames(read: ReadAt, start: number, end: number): FrameSummary {
  let at = start === 0 ? headerEnd(read(0, Math.min(end, 96))) : start;
  let last = -1;
  let frames = 0;
  let pointsOutside = false;
  if (at === null) return { isWhole: false, pointsOutside: true, frames: 0 };
  while (at < end) {
    const head = read(at, Math.min(frameHeaderBytes + 4, end - at));
    if (head.length < frameHeaderBytes + 3 || head[16] !== 100 || head[17] !== 0)
      return { isWhole: false, pointsOutside, frames };
    const size = head.readBigUInt64LE(0);
    if (size > BigInt(end - at - frameHeaderBytes)) return { isWhole: false, pointsOutside, frames };
    last = head[18] as number;
    if (last === typeRowGroupData || last === typeCheckpoint) pointsOutside = true;
    frames++;
    at += frameHeaderBytes + Number(size);
  }
  return { isWhole: at === end && (last === typeFlush || frames === 0), pointsOutside, frames };
}

/** End of the version header: fields 100 type, 101 version, 102 database id, 103 checkpoint iteration, terminator. */
function headerEnd(bytes: Buffer): number | null {
  let at = 0;
  const isField = (id: number): boolean => bytes[at] === id && bytes[at + 1] === 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; at < bytes.length && shift < 49; shift += 7) {
      const byte = bytes[at++] as number;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  if (!isField(100)) return null;
  at += 2;
  if (varint() !== 98) return null;
  for (const id of [101, 102, 103]) {
    if (!isField(id)) continue;
    at += 2;
    const value = varint();
    // A list: its length, then each byte as a varint of its own.
    if (id === 102) for (let i = 0; i < Math.min(value, 64); i++) varint();
  }
  if (bytes[at] !== 0xff || bytes[at + 1] !== 0xff) return null;
  return at + 2;
}
