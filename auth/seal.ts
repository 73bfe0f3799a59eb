/**
 * Sealing of secrets that must be readable again (TOTP seeds, keys of the login protocol, S3 keys): AES-256-GCM under
 * the cluster's encryption key. A sealed value carries the id of its key, so keys can be rotated: the first key of the
 * ring seals, all of them open. The purpose is authenticated too: a value moved to another place does not open.
 *
 * Layout: version 1 (1 byte) · key id (8 bytes) · nonce (12 bytes) · ciphertext · tag (16 bytes).
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { LakeError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';

export interface Sealer {
  /** Id of the key that seals now, as hex. */
  readonly keyId: string;
  seal(purpose: string, plain: Uint8Array): Buffer;
  /** Throws `corrupt` when the value was changed or belongs elsewhere, `config_invalid` when its key is not in the ring. */
  open(purpose: string, sealed: Uint8Array): Buffer;
  /** Id of the key a value was sealed with, as hex. */
  keyIdOf(sealed: Uint8Array): string;
  /** A 32-byte key for something else, derived from the newest key and bound to `purpose`. */
  derive(purpose: string): Buffer;
}

const version = 1;
const headBytes = 1 + 8 + 12;
const tagBytes = 16;

/** `keys`: 32 bytes each, the newest first. At least one. */
export function createSealer(keys: readonly Buffer[], random: Random): Sealer {
  if (keys.length === 0 || keys.some((key) => key.length !== 32)) {
    throw new LakeError('config_invalid', 'an encryption key must have 32 bytes', {
      hint: 'BOILSTREAM_ENCRYPTION_KEY_PATH names a file with 64 hex digits per key; `openssl rand -hex 32` makes one.',
    });
  }
  const ring = new Map(keys.map((key) => [idOf(key), Buffer.from(hkdfSync('sha256', key, '', 'boilstream seal', 32))]));
  const newest = keys[0] as Buffer;
  const keyId = idOf(newest);
  const sealing = ring.get(keyId) as Buffer;

  return {
    keyId,
    seal(purpose, plain) {
      const nonce = random.bytes(12);
      const head = Buffer.concat([Buffer.from([version]), Buffer.from(keyId, 'hex'), nonce]);
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce);
      cipher.setAAD(Buffer.concat([head, Buffer.from(purpose)]));
      return Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(purpose, sealed) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      const id = keyIdIn(bytes);
      const key = ring.get(id);
      if (!key) {
        throw new LakeError('config_invalid', `a stored secret was sealed with key ${id}, which this pod does not have`, {
          hint: 'Add the former key as a further line of the file that BOILSTREAM_ENCRYPTION_KEY_PATH names.',
        });
      }
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(9, headBytes));
      decipher.setAAD(Buffer.concat([bytes.subarray(0, headBytes), Buffer.from(purpose)]));
      decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(headBytes, bytes.length - tagBytes)), decipher.final()]);
      } catch (error) {
        throw new LakeError('corrupt', `the sealed secret "${purpose}" does not open: it was changed or moved`, { cause: error });
      }
    },
    keyIdOf: (sealed) => keyIdIn(Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)),
    derive: (purpose) => Buffer.from(hkdfSync('sha256', newest, '', `boilstream derive ${purpose}`, 32)),
  };
}

/** Reads a key file: one key of 64 hex digits per line, the newest first; `#` begins a comment. Throws `config_invalid`. */
export function parseKeyFile(text: string): Buffer[] {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
  if (lines.length === 0 || lines.some((line) => !/^[0-9a-fA-F]{64}$/.test(line))) {
    throw new LakeError('config_invalid', 'the encryption key file must hold 64 hex digits per line', {
      hint: '`openssl rand -hex 32 > FILE` makes one.',
    });
  }
  return lines.map((line) => Buffer.from(line, 'hex'));
}

function idOf(key: Buffer): string {
  return createHash('sha256').update('boilstream key id').update(key).digest().subarray(0, 8).toString('hex');
}

function keyIdIn(bytes: Buffer): string {
  if (bytes.length < headBytes + tagBytes || bytes[0] !== version)
    throw new LakeError('corrupt', 'a sealed secret has an unknown form');
  return bytes.subarray(1, 9).toString('hex');
}
