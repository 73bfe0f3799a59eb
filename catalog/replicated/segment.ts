/**
 * The objects of the log as bytes: segments (WAL ranges and control records) and terminals (the end of an epoch's
 * sequence, naming its successor). Big-endian, fixed header, sha-256 of everything before it at the end; each object
 * carries the digest of its predecessor, so a restored chain proves order and completeness. Decoding takes nothing on
 * trust and throws only LakeError `corrupt`.
 *
 *   header   magic "BSLG" · u8 version · u8 kind (1 segment, 2 terminal) · u16 zero · u64 epoch · u64 seq
 *            · (version 2 on) u64 time · 16 writer stamp · 32 previous digest · u32 entry count (terminal: u32 zero)
 *   segment  entry*            entry = u8 type · body
 *            1 wal             16 database · u64 generation · u64 start · u32 length · 32 running digest · bytes
 *            2 control         u32 length · JSON
 *            3 rows            16 database · u64 generation · u64 WAL end · u32 index · u32 length · JSON (version 3)
 *   terminal u64 successor epoch
 *   trailer  32 sha-256
 */
import { createHash } from 'node:crypto';
import { LakeError } from '../../base/errors.ts';
import { type Control, parseControl } from './control.ts';

export interface WalEntry {
  readonly t: 'wal';
  /** Uuid of the database. */
  readonly database: string;
  readonly generation: number;
  /** Offset of the first byte in the WAL of that generation; equals the end of the entry before. */
  readonly start: number;
  readonly bytes: Buffer;
  /** Digest of the generation's base and of its WAL from byte 0 to this entry's end. */
  readonly digest: Buffer;
}

export interface ControlEntry {
  readonly t: 'control';
  readonly control: Control;
}

/** A commit that DuckDB has not made yet: the changes of rows it consists of (row-changes.ts). The next WAL bytes or base include it. */
export interface RowsEntry {
  readonly t: 'rows';
  /** Uuid of the database. */
  readonly database: string;
  readonly generation: number;
  /** Where the WAL of that generation ends. */
  readonly walEnd: number;
  /** How many such commits lie between that and this one. */
  readonly index: number;
  readonly bytes: Buffer;
}

export type Entry = WalEntry | ControlEntry | RowsEntry;

interface Header {
  readonly epoch: number;
  readonly seq: number;
  /**
   * When it was cut: milliseconds since 1970 by the writer's clock, never less than its predecessor's. Tells restores by
   * time where to stop; nothing is decided by it. 0 in objects of version 1, which do not say.
   */
  readonly time: number;
  /** 16 random bytes of the process that wrote this (terminal: of the successor). */
  readonly writer: Buffer;
  /** Digest of the object before this one; zeros for the first of all. */
  readonly previous: Buffer;
}

export interface Segment extends Header {
  readonly t: 'segment';
  readonly entries: readonly Entry[];
}

export interface Terminal extends Header {
  readonly t: 'terminal';
  readonly successor: number;
}

export type LogObject = Segment | Terminal;

export const digestBytes = 32;
export const writerBytes = 16;
export const genesisDigest = Buffer.alloc(digestBytes);

const magic = Buffer.from('BSLG');
/** Version 1 had no time, version 2 no rows; they are read, and not written any more. */
const versions = [1, 2, 3] as const;
const version = 3;
const headerBytes = 4 + 1 + 1 + 2 + 8 + 8 + 8 + writerBytes + digestBytes + 4;
const headerBytesMin = headerBytes - 8;
const walHeaderBytes = 1 + 16 + 8 + 8 + 4 + digestBytes;
const rowsHeaderBytes = 1 + 16 + 8 + 8 + 4 + 4;

/** Bytes of a log object; the last 32 are its digest. */
export function encodeLogObject(object: LogObject): Buffer {
  const parts: Buffer[] = [encodeHeader(object)];
  if (object.t === 'terminal') parts.push(u64(object.successor));
  else for (const entry of object.entries) parts.push(...encodeEntry(entry));
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  parts.push(hash.digest());
  return Buffer.concat(parts);
}

/** The digest of an encoded object: what its successor carries as `previous`. */
export function digestOf(encoded: Buffer): Buffer {
  return encoded.subarray(encoded.length - digestBytes);
}

/** Decodes and verifies; `name` stands in the error. Throws `corrupt` and nothing else. */
export function decodeLogObject(encoded: Buffer, name: string): LogObject {
  const bad = (what: string): LakeError =>
    new LakeError('corrupt', `the log object ${name} is damaged: ${what}`, {
      hint: 'restore this object from a copy of the bucket, or end the log before it: boilstream restore --to EPOCH/SEQ',
    });
  if (encoded.length < headerBytesMin + digestBytes) throw bad(`it has only ${encoded.length} bytes`);
  if (!encoded.subarray(0, 4).equals(magic)) throw bad('it does not begin like one');
  if (!(versions as readonly unknown[]).includes(encoded[4])) throw bad(`its version ${encoded[4]} is not known to this release`);
  const body = encoded.subarray(0, encoded.length - digestBytes);
  if (!createHash('sha256').update(body).digest().equals(digestOf(encoded))) throw bad('its checksum does not match its content');
  const reader = new Reader(body, bad);
  reader.skip(5);
  const kind = reader.u8();
  if (reader.u16() !== 0) throw bad('reserved bytes are set');
  const header = {
    epoch: reader.u64(),
    seq: reader.u64(),
    time: encoded[4] === 1 ? 0 : reader.u64(),
    writer: reader.bytes(writerBytes),
    previous: reader.bytes(digestBytes),
  };
  const count = reader.u32();
  if (kind === 2) {
    const successor = reader.u64();
    if (count !== 0 || reader.left !== 0) throw bad('bytes are left over');
    if (successor !== header.epoch + 1) throw bad(`it names ${successor} as the epoch after ${header.epoch}`);
    return { t: 'terminal', ...header, successor };
  }
  if (kind !== 1) throw bad(`its kind ${kind} is not known`);
  if (count > reader.left) throw bad('it counts more entries than it has bytes');
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) entries.push(decodeEntry(reader, bad));
  if (reader.left !== 0) throw bad('bytes are left over');
  return { t: 'segment', ...header, entries };
}

function encodeHeader(object: LogObject): Buffer {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header, 0);
  header.writeUInt8(version, 4);
  header.writeUInt8(object.t === 'segment' ? 1 : 2, 5);
  header.writeBigUInt64BE(BigInt(object.epoch), 8);
  header.writeBigUInt64BE(BigInt(object.seq), 16);
  header.writeBigUInt64BE(BigInt(object.time), 24);
  object.writer.copy(header, 32);
  object.previous.copy(header, 48);
  header.writeUInt32BE(object.t === 'segment' ? object.entries.length : 0, 80);
  return header;
}

function encodeEntry(entry: Entry): Buffer[] {
  if (entry.t === 'control') {
    const json = Buffer.from(JSON.stringify(entry.control));
    const head = Buffer.alloc(5);
    head.writeUInt8(2, 0);
    head.writeUInt32BE(json.length, 1);
    return [head, json];
  }
  if (entry.t === 'rows') {
    const head = Buffer.alloc(rowsHeaderBytes);
    head.writeUInt8(3, 0);
    Buffer.from(entry.database.replaceAll('-', ''), 'hex').copy(head, 1);
    head.writeBigUInt64BE(BigInt(entry.generation), 17);
    head.writeBigUInt64BE(BigInt(entry.walEnd), 25);
    head.writeUInt32BE(entry.index, 33);
    head.writeUInt32BE(entry.bytes.length, 37);
    return [head, entry.bytes];
  }
  const head = Buffer.alloc(walHeaderBytes);
  head.writeUInt8(1, 0);
  Buffer.from(entry.database.replaceAll('-', ''), 'hex').copy(head, 1);
  head.writeBigUInt64BE(BigInt(entry.generation), 17);
  head.writeBigUInt64BE(BigInt(entry.start), 25);
  head.writeUInt32BE(entry.bytes.length, 33);
  entry.digest.copy(head, 37);
  return [head, entry.bytes];
}

function decodeEntry(reader: Reader, bad: (what: string) => LakeError): Entry {
  const type = reader.u8();
  if (type === 1) {
    const database = uuidText(reader.bytes(16));
    const generation = reader.u64();
    const start = reader.u64();
    const length = reader.u32();
    const digest = reader.bytes(digestBytes);
    if (length === 0) throw bad('an entry is empty');
    return { t: 'wal', database, generation, start, digest, bytes: reader.bytes(length) };
  }
  if (type === 3) {
    const database = uuidText(reader.bytes(16));
    const generation = reader.u64();
    const walEnd = reader.u64();
    const index = reader.u32();
    const length = reader.u32();
    if (length === 0) throw bad('an entry is empty');
    return { t: 'rows', database, generation, walEnd, index, bytes: reader.bytes(length) };
  }
  if (type !== 2) throw bad(`entry type ${type} is not known`);
  return { t: 'control', control: parseControl(reader.bytes(reader.u32()), bad) };
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** Reads forward; asking for more than there is, or for a number beyond 2^53, is damage. */
class Reader {
  readonly #bytes: Buffer;
  readonly #bad: (what: string) => LakeError;
  #at = 0;

  constructor(bytes: Buffer, bad: (what: string) => LakeError) {
    this.#bytes = bytes;
    this.#bad = bad;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  bytes(count: number): Buffer {
    if (count > this.left) throw this.#bad(`it ends at byte ${this.#bytes.length}, inside an entry`);
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  skip(count: number): void {
    this.bytes(count);
  }

  u8(): number {
    return this.bytes(1).readUInt8();
  }

  u16(): number {
    return this.bytes(2).readUInt16BE();
  }

  u32(): number {
    return this.bytes(4).readUInt32BE();
  }

  u64(): number {
    const value = this.bytes(8).readBigUInt64BE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.#bad('a number is out of range');
    return Number(value);
  }
}
