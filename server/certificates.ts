/**
 * TLS material of the public listeners. Either files that someone else renews (reloaded when they change), or, when none
 * are configured, a certificate authority of this pod's own in the data dir (`ca.pem` for clients) with a short-lived
 * server certificate under it. ECDSA P-256: small handshakes, known to every client.
 */
import 'reflect-metadata';
import { webcrypto, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import * as x509 from '@peculiar/x509';
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';

x509.cryptoProvider.set(webcrypto as never);

const dayMs = 86_400_000;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface Certificates {
  /** The present context; ask again for every connection, it changes on reload. */
  context(): SecureContext;
  /** PEM of the certificate chain and key, for servers that take text; changes on reload. */
  pem(): { readonly cert: string; readonly key: string };
  /** Whether channel binding `tls-server-end-point` is defined for the certificate: its signature must name a hash (RFC 5929, section 4.1; Ed25519 names none). */
  hasEndPointHash(): boolean;
  /** Called after each reload. */
  onReload(listener: () => void): void;
  /** File that clients trust: our CA, or undefined when the certificate is someone else's. */
  readonly caPath: string | undefined;
  close(): void;
}

/** Opens the configured certificate, or makes one. Throws config_invalid when the files do not fit together. */
export async function openCertificates(input: {
  dataDir: string;
  certPath?: string | undefined;
  keyPath?: string | undefined;
  hosts: readonly string[];
  clock: Clock;
  logger: Logger;
}): Promise<Certificates> {
  const own = input.certPath === undefined || input.keyPath === undefined;
  const caPath = join(input.dataDir, 'ca.pem');
  const certPath = input.certPath ?? join(input.dataDir, 'tls', 'server.pem');
  const keyPath = input.keyPath ?? join(input.dataDir, 'tls', 'server.key');
  if (own) await ensureOwn(input.dataDir, caPath, certPath, keyPath, input.hosts, input.clock);

  let loaded = load(certPath, keyPath);
  const listeners: Array<() => void> = [];
  let stopped = false;
  const cancel: { timer: () => void } = { timer: () => {} };
  const tick = async (): Promise<void> => {
    if (stopped) return;
    try {
      if (own) await ensureOwn(input.dataDir, caPath, certPath, keyPath, input.hosts, input.clock);
      const stamp = stampOf(certPath, keyPath);
      if (stamp !== loaded.stamp) {
        loaded = load(certPath, keyPath);
        for (const listener of listeners) listener();
        input.logger.info({ certificate: certPath }, 'TLS certificate reloaded');
      }
    } catch (error) {
      // A renewal writes two files; between them they do not fit. The old pair serves until the new one is whole.
      input.logger.warn({ error, certificate: certPath }, 'TLS certificate not reloaded; the old one stays in use');
    }
    cancel.timer = input.clock.after(5_000, () => void tick());
  };
  cancel.timer = input.clock.after(5_000, () => void tick());
  return {
    context: () => loaded.context,
    pem: () => ({ cert: loaded.cert, key: loaded.key }),
    hasEndPointHash: () => loaded.hasHash,
    onReload: (listener) => void listeners.push(listener),
    caPath: own ? caPath : undefined,
    close: () => {
      stopped = true;
      cancel.timer();
    },
  };
}

interface Loaded {
  readonly context: SecureContext;
  readonly cert: string;
  readonly key: string;
  readonly hasHash: boolean;
  readonly stamp: string;
}

function stampOf(...paths: string[]): string {
  return paths.map((path) => `${statSync(path).mtimeMs}:${statSync(path).ino}`).join();
}

function load(certPath: string, keyPath: string): Loaded {
  try {
    const stamp = stampOf(certPath, keyPath);
    const cert = readFileSync(certPath, 'utf8');
    const key = readFileSync(keyPath, 'utf8');
    const context = createSecureContext({
      cert,
      key,
      minVersion: 'TLSv1.2',
      ciphers: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20',
    });
    return { context, cert, key, hasHash: namesHash(new X509Certificate(cert)), stamp };
  } catch (error) {
    throw new LakeError(
      'config_invalid',
      `the TLS certificate ${certPath} and key ${keyPath} cannot be used: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** Clients take the hash from the signature's name; libpq gives up on names without one. RSA-PSS keeps it elsewhere, where not all clients look. */
function namesHash(leaf: X509Certificate): boolean {
  return /sha-?\d|md5/i.test(leaf.signatureAlgorithm ?? '');
}

async function ensureOwn(
  dataDir: string,
  caPath: string,
  certPath: string,
  keyPath: string,
  hosts: readonly string[],
  clock: Clock,
): Promise<void> {
  const caKeyPath = join(dataDir, 'tls', 'ca.key');
  if (existsSync(certPath) && existsSync(keyPath) && existsSync(caPath) && isFresh(certPath, hosts, clock)) return;
  mkdirSync(join(dataDir, 'tls'), { recursive: true, mode: 0o700 });
  const ca =
    existsSync(caPath) && existsSync(caKeyPath) && caIsFresh(caPath, clock)
      ? await readCa(caPath, caKeyPath)
      : await makeCa(caPath, caKeyPath, clock);
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: 'CN=boilstream',
    issuer: ca.cert.subject,
    notBefore: new Date(clock.now() - dayMs),
    notAfter: new Date(clock.now() + 365 * dayMs),
    publicKey: keys.publicKey,
    signingKey: ca.key,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature),
      new x509.SubjectAlternativeNameExtension(hosts.map((host) => ({ type: isAddress(host) ? 'ip' : 'dns', value: host }))),
      await x509.AuthorityKeyIdentifierExtension.create(ca.cert.publicKey),
    ],
  });
  writeWhole(keyPath, await keyPem(keys.privateKey), 0o600);
  writeWhole(certPath, `${certificate.toString('pem')}\n`, 0o644);
}

function isFresh(certPath: string, hosts: readonly string[], clock: Clock): boolean {
  try {
    const leaf = new X509Certificate(readFileSync(certPath));
    const covers = hosts.every((host) => (isAddress(host) ? leaf.checkIP(host) : leaf.checkHost(host)) !== undefined);
    return covers && Date.parse(leaf.validTo) - clock.now() > 30 * dayMs;
  } catch {
    return false;
  }
}

function caIsFresh(caPath: string, clock: Clock): boolean {
  return Date.parse(new X509Certificate(readFileSync(caPath)).validTo) - clock.now() > 400 * dayMs;
}

interface Authority {
  readonly cert: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

async function readCa(caPath: string, caKeyPath: string): Promise<Authority> {
  const der = Buffer.from(readFileSync(caKeyPath, 'utf8').replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const key = (await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])) as webcrypto.CryptoKey;
  return { cert: new x509.X509Certificate(readFileSync(caPath, 'utf8')), key };
}

async function makeCa(caPath: string, caKeyPath: string, clock: Clock): Promise<Authority> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=BoilStream local authority',
    notBefore: new Date(clock.now() - dayMs),
    notAfter: new Date(clock.now() + 3650 * dayMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  writeWhole(caKeyPath, await keyPem(keys.privateKey), 0o600);
  writeWhole(caPath, `${cert.toString('pem')}\n`, 0o644);
  return { cert, key: keys.privateKey };
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
}

function serial(): string {
  // Positive and unique; the leading zero keeps the first bit clear.
  return `00${Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString('hex')}`;
}

const isAddress = (host: string): boolean => /^[0-9.]+$/.test(host) || host.includes(':');

/** Writes beside and renames, so that nobody ever reads half a file. */
export function writeWhole(path: string, content: string, mode: number): void {
  const beside = `${path}.${process.pid}.new`;
  writeFileSync(beside, content, { mode });
  renameSync(beside, path);
}
