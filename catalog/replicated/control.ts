/**
 * Control records: what the log says about databases besides their WAL bytes, as JSON inside a segment. A `Base` is
 * where a generation begins: the database file, and the WAL that belongs to it if the snapshot was an image of both,
 * as lists of content-hashed chunks. Reading is strict; anything unexpected is `corrupt`.
 */
import { createHash } from 'node:crypto';
import type { LakeError } from '../../base/errors.ts';

export interface Chunk {
  /** Epoch whose leader uploaded it; part of its key, so that a deposed leader's collector cannot touch a successor's. */
  readonly epoch: number;
  /** Hex sha-256 of its bytes. */
  readonly sha256: string;
  readonly length: number;
}

export interface Base {
  /** Counts the bases of one database, from 1. Segments name the generation their WAL bytes belong to. */
  readonly generation: number;
  /** The database file. */
  readonly file: readonly Chunk[];
  /** The WAL at that moment; empty after a checkpoint. */
  readonly wal: readonly Chunk[];
}

export type Control =
  | { readonly t: 'create'; readonly database: string; readonly name: string; readonly base: Base }
  | { readonly t: 'base'; readonly database: string; readonly base: Base }
  | { readonly t: 'drop'; readonly database: string };

export const nameBytesMax = 255;
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Bytes of the chunks together. */
export function chunksLength(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

/** What a running digest of a generation's WAL begins with: it ties every segment to exactly this base. */
export function baseDigest(database: string, base: Base): Buffer {
  const list = (chunks: readonly Chunk[]): string => chunks.map((chunk) => `${chunk.sha256}:${chunk.length}`).join(',');
  return createHash('sha256')
    .update(`${database}/${base.generation}/${list(base.file)}/${list(base.wal)}`)
    .digest();
}

/** Parses one control record. Throws what `bad` makes and nothing else. */
export function parseControl(json: Buffer, bad: (what: string) => LakeError): Control {
  const value = parseJson(json, bad);
  const database = parseUuid(value['database'], bad);
  switch (value['t']) {
    case 'create': {
      const name = value['name'];
      if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > nameBytesMax)
        throw bad('a database has no proper name');
      return { t: 'create', database, name, base: parseBase(value['base'], bad) };
    }
    case 'base':
      return { t: 'base', database, base: parseBase(value['base'], bad) };
    case 'drop':
      return { t: 'drop', database };
    default:
      throw bad('a control record is of an unknown kind');
  }
}

/** A JSON object; anything else throws what `bad` makes. */
export function parseJson(json: Buffer, bad: (what: string) => LakeError): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch {
    throw bad('a record is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('a record is not an object');
  return value as Record<string, unknown>;
}

/** A uuid in its text form, lower case; anything else throws what `bad` makes. */
export function parseUuid(value: unknown, bad: (what: string) => LakeError): string {
  if (typeof value !== 'string' || !uuidPattern.test(value)) throw bad('a database has no proper uuid');
  return value;
}

/** A base with at least one chunk; anything else throws what `bad` makes. */
export function parseBase(value: unknown, bad: (what: string) => LakeError): Base {
  if (typeof value !== 'object' || value === null) throw bad('a base is missing');
  const { generation, file, wal } = value as Record<string, unknown>;
  const base = { generation: parseCount(generation, bad), file: parseChunks(file, bad), wal: parseChunks(wal, bad) };
  if (base.generation < 1 || base.file.length === 0) throw bad('a base is empty');
  return base;
}

/** A whole number from 0 to 2^53 - 1. */
export function parseCount(value: unknown, bad: (what: string) => LakeError): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw bad('a number is out of range');
  return value as number;
}

function parseChunks(value: unknown, bad: (what: string) => LakeError): Chunk[] {
  if (!Array.isArray(value)) throw bad('a list of chunks is missing');
  return value.map((chunk: unknown) => {
    if (typeof chunk !== 'object' || chunk === null) throw bad('a chunk is missing');
    const { epoch, sha256, length } = chunk as Record<string, unknown>;
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) throw bad('a chunk has no proper hash');
    return { epoch: parseCount(epoch, bad), sha256, length: parseCount(length, bad) };
  });
}
