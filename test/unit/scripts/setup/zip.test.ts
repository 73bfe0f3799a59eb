import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { readZipEntry } from '../../../../scripts/setup/zip.ts';

/** A ZIP archive with these entries, packed or stored. */
function zip(entries: readonly { name: string; data: Buffer; pack: boolean }[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, pack } of entries) {
    const body = pack ? deflateRawSync(data) : data;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(pack ? 8 : 0, 4);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(body.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(name.length, 22);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(name), body);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, rest, Buffer.from(name));
    at += 30 + name.length + body.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, listed, end]);
}

const archive = zip([
  { name: 'a/other.txt', data: Buffer.from('no'), pack: false },
  { name: 'a/wanted.duckdb_extension', data: Buffer.alloc(100_000, 7), pack: true },
]);

test('finds an entry behind others and unpacks it', () => {
  assert.deepEqual(
    readZipEntry(archive, (name) => name.endsWith('.duckdb_extension')),
    Buffer.alloc(100_000, 7),
  );
  assert.equal(readZipEntry(archive, (name) => name === 'a/other.txt').toString(), 'no');
});

test('says so when there is no such entry', () => {
  assert.throws(() => readZipEntry(archive, () => false), /no such entry/);
});

test('refuses what is not an archive, is cut short, or claims another size', () => {
  assert.throws(() => readZipEntry(Buffer.from('<html>not found</html>'.repeat(10)), () => true), /not a ZIP archive/);
  assert.throws(() => readZipEntry(archive.subarray(0, archive.length - 30), () => true), /not a ZIP archive/);
  const lying = Buffer.from(archive);
  // The directory's record of the unpacked size of the second entry
  lying.writeUInt32LE(50_000, archive.lastIndexOf('PK\x01\x02') + 24);
  assert.throws(() => readZipEntry(lying, (name) => name.endsWith('.duckdb_extension')));
});
