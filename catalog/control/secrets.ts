/** Secrets the pods share: random, made once, sealed at rest; and their move to a new key when the cluster's key is rotated. */
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Sealer } from './ports.ts';
import type { ControlStore } from './store.ts';

const purposeOf = (name: string): string => `control secret ${name}`;

/** 32 bytes; the same for every pod from the first call on. Throws `config_invalid` when the key that sealed it is missing. */
export async function openSecret(store: ControlStore, sealer: Sealer, random: Random, name: string): Promise<Uint8Array> {
  const stored = await store.read((tx) => tx.one<{ sealed: Buffer }>('SELECT sealed FROM secrets WHERE name = $1', [name]));
  if (stored) return sealer.open(purposeOf(name), stored.sealed);
  return store.write(async (tx) => {
    const other = await tx.one<{ sealed: Buffer }>('SELECT sealed FROM secrets WHERE name = $1', [name]);
    if (other) return sealer.open(purposeOf(name), other.sealed);
    const secret = random.bytes(32);
    await tx.run('INSERT INTO secrets VALUES ($1, $2)', [name, sealer.seal(purposeOf(name), secret)]);
    return secret;
  });
}

/** Seals anew, under the newest key, what an older key had sealed. After that the older key may be thrown away. */
export async function resealSecrets(store: ControlStore, sealer: Sealer, logger: Logger): Promise<void> {
  const rows = await store.read((tx) => tx.all<{ name: string; sealed: Buffer }>('SELECT name, sealed FROM secrets'));
  const old = rows.filter((row) => sealer.keyIdOf(row.sealed) !== sealer.keyId);
  if (old.length === 0) return;
  await store.write(async (tx) => {
    for (const { name, sealed } of old) {
      await tx.run('UPDATE secrets SET sealed = $2 WHERE name = $1', [
        name,
        sealer.seal(purposeOf(name), sealer.open(purposeOf(name), sealed)),
      ]);
    }
  });
  logger.info({ count: old.length, keyId: sealer.keyId }, 'secrets sealed anew with the newest key');
}
