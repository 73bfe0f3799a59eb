/**
 * An anchor is the ledger written down at one position, so that a restart begins there and not at the beginning of
 * time. It is only a short cut: what it says is proved against the segments it points at. The newest is used;
 * an unreadable one is passed over for the one before, because the log itself is the truth.
 */
import { createHash } from 'node:crypto';
import { LakeError } from '../../base/errors.ts';
import { type Base, nameBytesMax, parseBase, parseCount, parseJson, parseUuid } from './control.ts';
import type { Ledger } from './ledger.ts';
import { comparePositions } from './names.ts';
import type { LogPosition } from './ports.ts';
import { digestBytes } from './segment.ts';

export interface AnchorDatabase {
  readonly database: string;
  readonly name: string;
  readonly base: Base;
  readonly since: LogPosition;
  readonly walEnd: number;
  readonly digest: Buffer;
}

export interface Anchor {
  readonly position: LogPosition;
  /** Everything after this must be read to rebuild the present. */
  readonly floor: LogPosition;
  /** Time of the object at `position`, milliseconds since 1970; 0 = unknown (written by a release that kept none). */
  readonly time: number;
  /** Digest of the object at `position`. */
  readonly digest: Buffer;
  readonly databases: readonly AnchorDatabase[];
}

const magic = Buffer.from('BSLA\x01');

/** The anchor of what a ledger holds now. */
export function anchorOf(ledger: Ledger): Anchor {
  if (ledger.digest === null) throw new LakeError('internal', 'an anchor cannot be made below another one');
  return {
    position: ledger.position,
    floor: ledger.floor(),
    time: ledger.time,
    digest: ledger.digest,
    databases: [...ledger.databases.values()].map((state) => ({ ...state })),
  };
}

/** magic "BSLA" 1 · JSON · 32 sha-256 of all before. */
export function encodeAnchor(anchor: Anchor): Buffer {
  const json = JSON.stringify({
    ...anchor,
    digest: anchor.digest.toString('hex'),
    databases: anchor.databases.map((d) => ({ ...d, digest: d.digest.toString('hex') })),
  });
  const body = Buffer.concat([magic, Buffer.from(json)]);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

/** Throws `corrupt` and nothing else. */
export function decodeAnchor(encoded: Buffer, name: string): Anchor {
  const bad = (what: string): LakeError => new LakeError('corrupt', `the anchor ${name} is damaged: ${what}`);
  if (encoded.length < magic.length + digestBytes || !encoded.subarray(0, magic.length).equals(magic))
    throw bad('it does not begin like one');
  const body = encoded.subarray(0, encoded.length - digestBytes);
  if (!createHash('sha256').update(body).digest().equals(encoded.subarray(body.length)))
    throw bad('its checksum does not match its content');
  const value = parseJson(body.subarray(magic.length), bad);
  const databases = value['databases'];
  if (!Array.isArray(databases)) throw bad('it lists no databases');
  const anchor: Anchor = {
    position: parsePosition(value['position'], bad),
    floor: parsePosition(value['floor'], bad),
    time: value['time'] === undefined ? 0 : parseCount(value['time'], bad),
    digest: parseDigest(value['digest'], bad),
    databases: databases.map((entry: unknown) => parseDatabase(entry, bad)),
  };
  if (comparePositions(anchor.floor, anchor.position) > 0) throw bad('its floor lies above it');
  return anchor;
}

function parseDatabase(value: unknown, bad: (what: string) => LakeError): AnchorDatabase {
  if (typeof value !== 'object' || value === null) throw bad('a database is missing');
  const record = value as Record<string, unknown>;
  const name = record['name'];
  if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > nameBytesMax)
    throw bad('a database has no proper name');
  return {
    database: parseUuid(record['database'], bad),
    name,
    base: parseBase(record['base'], bad),
    since: parsePosition(record['since'], bad),
    walEnd: parseCount(record['walEnd'], bad),
    digest: parseDigest(record['digest'], bad),
  };
}

function parsePosition(value: unknown, bad: (what: string) => LakeError): LogPosition {
  if (typeof value !== 'object' || value === null) throw bad('a position is missing');
  const { epoch, seq } = value as Record<string, unknown>;
  return { epoch: parseCount(epoch, bad), seq: parseCount(seq, bad) };
}

function parseDigest(value: unknown, bad: (what: string) => LakeError): Buffer {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) throw bad('a digest is missing');
  return Buffer.from(value, 'hex');
}
