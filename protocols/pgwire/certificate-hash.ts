/**
 * Which hash tls-server-end-point takes for a certificate: that of its signature algorithm, but SHA-256 in place of
 * MD5 and SHA-1, and for signatures that name no hash (Ed25519, RSA-PSS is read as SHA-256). Source: RFC 5929, section 4.1.
 */
import type { X509Certificate } from 'node:crypto';

/** Node's name of the hash. */
export function certificateHash(certificate: X509Certificate): 'sha256' | 'sha384' | 'sha512' {
  const bits = /sha-?(384|512)/i.exec(certificate.signatureAlgorithm ?? '')?.[1];
  return bits === '384' ? 'sha384' : bits === '512' ? 'sha512' : 'sha256';
}
