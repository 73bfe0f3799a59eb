/**
 * `BOILSTREAM_METADATA_URL`: a connection URI as libpq reads it (PostgreSQL 15 documentation, 34.1.1.2), one host, with the
 * parameters sslmode, sslrootcert and connect_timeout. Its text holds a password: it stands in no error and no log line.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { LakeError } from '../../base/errors.ts';
import { limits } from './limits.ts';

export type SslMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
const sslModes: readonly SslMode[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'];

/** An account on the server. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface MetadataServer {
  readonly host: string;
  readonly port: number;
  /** Who makes databases and roles. */
  readonly admin: Login;
  /** Where that one connects to do so. */
  readonly adminDatabase: string;
  readonly sslMode: SslMode;
  /** Certificates (PEM) that the server's must be signed by; absent: the ones that come with the runtime. */
  readonly ca?: string;
  readonly connectMsMax: number;
}

/** Reads the URL and the file it names. Throws config_invalid, never with the URL in it. */
export function parseMetadataUrl(text: string): MetadataServer {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid('is no URL');
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') throw invalid('does not begin with postgres://');
  if (url.username === '') throw invalid('names no user');
  if (url.hostname === '') throw invalid('names no host');
  const known = new Set(['sslmode', 'sslrootcert', 'connect_timeout', 'application_name']);
  for (const name of url.searchParams.keys()) if (!known.has(name)) throw invalid(`has a parameter that is not known: ${name}`);
  const host = decode(url.hostname.replace(/^\[(.*)\]$/, '$1'));
  const sslMode = (url.searchParams.get('sslmode') ?? (isLoopback(host) ? 'prefer' : 'require')) as SslMode;
  if (!sslModes.includes(sslMode)) throw invalid(`has an sslmode that is not known; it is one of ${sslModes.join(', ')}`);
  const rootCert = url.searchParams.get('sslrootcert');
  const seconds = Number(url.searchParams.get('connect_timeout') ?? limits.connectMsMax / 1000);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 600)
    throw invalid('has a connect_timeout that is not 1 to 600 seconds');
  return {
    host,
    port: url.port === '' ? 5432 : Number(url.port),
    admin: { user: decode(url.username), password: decode(url.password) },
    adminDatabase: decode(url.pathname.slice(1)) || 'postgres',
    // As libpq: with a root certificate at hand `require` means that it is used.
    sslMode: sslMode === 'require' && rootCert && rootCert !== 'system' ? 'verify-ca' : sslMode,
    ...(rootCert && rootCert !== 'system' ? { ca: readCertificates(rootCert) } : {}),
    connectMsMax: seconds * 1000,
  };
}

/** Nobody else is between us and the server. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('has a % that begins no escape');
  }
}

function readCertificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw invalid(`names a sslrootcert that cannot be read: ${(cause as NodeJS.ErrnoException).code ?? 'error'}`);
  }
}

function invalid(what: string): LakeError {
  return new LakeError('config_invalid', `BOILSTREAM_METADATA_URL ${what}`, {
    hint: 'Write postgres://user:password@host:5432/postgres?sslmode=verify-full&sslrootcert=/path/ca.pem, with %-escapes in the password.',
  });
}
