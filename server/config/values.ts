/**
 * Reads one setting's text each: numbers, sizes, durations, addresses. What does not fit is an Error whose message says what
 * would; load.ts puts the variable's name before it.
 */
import { AddressList } from '../../base/address-list.ts';

/** A whole number with bounds. */
export function readInteger(text: string, min: number, max: number): number {
  const number = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max)) throw new Error(`a whole number from ${min} to ${max} is needed`);
  return number;
}

/** A switch. */
export function readBoolean(text: string): boolean {
  if (/^(true|on|yes|1)$/i.test(text)) return true;
  if (/^(false|off|no|0)$/i.test(text)) return false;
  throw new Error('true or false is needed');
}

const bytesUnits: Record<string, number> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  kib: 1024,
  m: 1e6,
  mb: 1e6,
  mib: 1024 ** 2,
  g: 1e9,
  gb: 1e9,
  gib: 1024 ** 3,
  t: 1e12,
  tb: 1e12,
  tib: 1024 ** 4,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
};

/** A size such as `512MB`, `4GiB`, `2Gi`; in bytes. */
export function readBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$/.exec(text.trim());
  const unit = match ? bytesUnits[(match[2] as string).toLowerCase()] : undefined;
  if (!match || unit === undefined) throw new Error('a size such as 512MB or 4GiB is needed');
  const bytes = Math.floor(Number(match[1]) * unit);
  if (bytes < 16 * 1024 ** 2) throw new Error('at least 16MB is needed');
  return bytes;
}

const durationUnits: Record<string, number> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration such as `30s`, `15m`, `12h`, `7d`; in milliseconds. */
export function readDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(text.trim());
  const unit = match ? durationUnits[match[2] as string] : undefined;
  if (!match || unit === undefined) throw new Error('a duration such as 30s, 15m, 12h or 7d is needed');
  return Number(match[1]) * unit;
}

/** A duration with bounds, in milliseconds. */
export function readDurationWithin(text: string, minMs: number, maxMs: number): number {
  const ms = readDuration(text);
  if (ms < minMs || ms > maxMs) throw new Error(`from ${minMs / 60_000}m to ${maxMs / 60_000}m is possible`);
  return ms;
}

/** The time of a session's time-out in whole milliseconds, as long as PostgreSQL's settings go (24 days). */
export function readTimeout(text: string): number {
  const ms = Math.round(readDuration(text));
  if (ms > 2_147_483_647) throw new Error('at most 24d is possible');
  return ms;
}

/** Where storage is; the text as given. */
export function readStorageUrl(text: string): string {
  if (/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/.test(text)) return text;
  if (/^file:\/\/\/./.test(text)) return text;
  throw new Error('s3://bucket/prefix or file:///absolute/path is needed');
}

/** Addresses and networks, separated by commas; the entries. */
export function readAddresses(text: string): string[] {
  const entries = text.split(',').map((entry) => entry.trim());
  new AddressList(entries);
  return entries;
}

/** Address of an HTTP service: scheme, host and port. */
export function readEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.hash && !url.username && !url.password)
    return url.origin;
  throw new Error('https://host[:port] (or http://) is needed, without a path');
}
