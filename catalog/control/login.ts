/** Login names and secrets of credentials: random, and safe in URIs, shells, connection strings and pgpass files. */
import { assert } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import type { Tx } from './store.ts';

export const secretAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const loginAlphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

/** `<who>_<8 random characters>`: people recognise it in lists and logs; nobody else has or had it. */
export async function loginFor(tx: Tx, ownerName: string, random: Random): Promise<string> {
  const who = (ownerName.split('@')[0] as string).replace(/[^a-z0-9]+/g, '_').slice(0, 40);
  for (let attempt = 0; attempt < 10; attempt++) {
    const login = `${who}_${randomText(random, loginAlphabet, 8)}`;
    const taken =
      (await tx.one('SELECT id FROM credentials WHERE login = $1', [login])) ??
      (await tx.one('SELECT id FROM users WHERE name = $1', [login]));
    if (!taken) return login;
  }
  assert(false, 'ten random login names were all taken');
}

/** Uniform over the alphabet: bytes beyond the last whole multiple are thrown away. */
export function randomText(random: Random, alphabet: string, length: number): string {
  const limit = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < length) {
    for (const byte of random.bytes(length * 2)) {
      if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}
