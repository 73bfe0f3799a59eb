/** Reads one entry of a ZIP archive held in memory (a Python wheel), so that no unzip tool is needed. Source: APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12, 4.3.16. No ZIP64, no encryption. */
import { inflateRawSync } from 'node:zlib';

const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;

/** The bytes of the first entry whose name `matches`. Throws when there is none or the archive is damaged. */
export function readZipEntry(archive: Buffer, matches: (name: string) => boolean): Buffer {
  let end = archive.length - 22;
  while (end >= 0 && archive.readUInt32LE(end) !== endOfDirectory) end--;
  if (end < 0) throw new Error('not a ZIP archive: it has no end-of-directory record');
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== directoryEntry)
      throw new Error('damaged ZIP archive: no directory entry where one should be');
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    if (matches(name)) return unpack(archive, at);
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error('the ZIP archive has no such entry');
}

function unpack(archive: Buffer, entry: number): Buffer {
  const method = archive.readUInt16LE(entry + 10);
  const packedBytes = archive.readUInt32LE(entry + 20);
  const bytes = archive.readUInt32LE(entry + 24);
  const local = archive.readUInt32LE(entry + 42);
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const packed = archive.subarray(start, start + packedBytes);
  if (method !== 0 && method !== 8) throw new Error(`damaged ZIP archive: unknown compression ${method}`);
  const unpacked = method === 0 ? packed : inflateRawSync(packed, { maxOutputLength: bytes });
  if (unpacked.length !== bytes) throw new Error(`damaged ZIP archive: ${unpacked.length} bytes instead of ${bytes}`);
  return unpacked;
}
