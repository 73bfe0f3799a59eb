/** Channel binding data of type tls-server-end-point (RFC 5929, section 4). */
import { createHash, X509Certificate } from 'node:crypto';

/**
 * Hash of the server's certificate (DER or PEM) as clients compute it: with the certificate's own signature hash,
 * except that MD5 and SHA-1 become SHA-256. Certificates whose signature has no hash of its own (Ed25519, for which RFC 5929
 * defines nothing) give undefined: do not offer -PLUS then.
 */
export function tlsServerEndPoint(certificate: Buffer | string): Buffer | undefined {
  const parsed = new X509Certificate(certificate);
  const hash = signatureHash(parsed.raw);
  return hash === undefined ? undefined : createHash(hash).update(parsed.raw).digest();
}

// Object identifiers of signature algorithms, as DER content bytes in hex (RFC 8017 A.2, RFC 5758, RFC 3279).
const hashOfOid: Readonly<Record<string, 'sha256' | 'sha384' | 'sha512' | 'sha224'>> = {
  '2a864886f70d010104': 'sha256', // md5WithRSAEncryption
  '2a864886f70d010105': 'sha256', // sha1WithRSAEncryption
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a864886f70d01010e': 'sha224',
  '2a8648ce3d0401': 'sha256', // ecdsa-with-SHA1
  '2a8648ce3d040301': 'sha224',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
};

/** Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { algorithm OID, … }, … } */
function signatureHash(der: Buffer): string | undefined {
  const outer = element(der, 0);
  const tbs = element(der, outer.start);
  const algorithm = element(der, tbs.end);
  const oid = element(der, algorithm.start);
  return hashOfOid[der.subarray(oid.start, oid.end).toString('hex')];
}

function element(der: Buffer, at: number): { start: number; end: number } {
  const first = der[at + 1] ?? 0;
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  const count = first & 0x7f;
  const length = der.readUIntBE(at + 2, count);
  return { start: at + 2 + count, end: at + 2 + count + length };
}
