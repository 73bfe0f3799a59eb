/**
 * Makes a login with a random secret for a user. The secret is in the answer once; what is stored are SCRAM verifiers.
 * A credential carries its owner's rights of the moment it is used, narrowed by `readOnly` and `onlyLake`.
 */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { type Actor, requireAdmin } from '../actor.ts';
import { command } from '../command.ts';
import { liveLake, userByName, type UserRow } from '../find.ts';
import { loginFor, randomText, secretAlphabet } from '../login.ts';
import type { Tx } from '../store.ts';

/** 28 of 62 characters: 166 bits. */
const secretLength = 28;
const ttlMsMax = 10 * 366 * 24 * 3_600_000;
/** Of one user, live. A script that forgets to revoke meets this before it fills the catalog. */
const liveCredentialsMax = 1000;

export const createCredential = command({
  name: 'create-credential',
  args: z.strictObject({
    /** Default: whoever asks. */
    user: z.string().max(200).optional(),
    lake: z.string().max(200).optional(),
    readOnly: z.boolean().default(false),
    onlyLake: z.boolean().default(false),
    ttlMs: z
      .int()
      .min(60_000, 'a credential lives at least a minute')
      .max(ttlMsMax, 'a credential lives at most ten years')
      .optional(),
  }),
  async run(tx, args, { actor, now, random, verifiers }) {
    if (args.onlyLake && args.lake === undefined)
      throw new LakeError('invalid_argument', 'narrowing to one ducklake needs its name', { hint: 'Add --ducklake NAME.' });
    const owner = await ownerOf(tx, actor, args.user);
    const lake = args.lake === undefined ? undefined : await liveLake(tx, args.lake);
    if (
      lake &&
      !owner.is_admin &&
      !(await tx.one('SELECT id FROM grants WHERE user_id = $1 AND lake_id = $2', [owner.id, lake.id]))
    ) {
      // The same words as for a lake that does not exist: names of others' lakes are not told.
      throw new LakeError('undefined_database', `ducklake "${lake.name}" does not exist`, {
        hint: `User "${owner.name}" needs a grant on it: boilstream-admin users grant.`,
      });
    }
    const live = await tx.one<{ count: number }>(
      'SELECT count(*) AS count FROM credentials WHERE user_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)',
      [owner.id, now],
    );
    if ((live?.count ?? 0) >= liveCredentialsMax)
      throw new LakeError('limit_exceeded', `user "${owner.name}" has ${liveCredentialsMax} credentials already`, {
        hint: 'Revoke some, or give them a --ttl.',
      });

    const id = random.uuid();
    const login = await loginFor(tx, owner.name, random);
    const secret = randomText(random, secretAlphabet, secretLength);
    const wanted = args.ttlMs === undefined ? null : now + args.ttlMs;
    const expiresAt = actor.expiresAt === null ? wanted : Math.min(wanted ?? actor.expiresAt, actor.expiresAt);
    await tx.run('INSERT INTO credentials VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)', [
      id,
      login,
      owner.id,
      lake?.id ?? null,
      args.readOnly,
      args.onlyLake,
      actor.id,
      now,
      expiresAt,
    ]);
    for (const verifier of await verifiers.verifiersOf(secret)) {
      await tx.run('INSERT INTO verifiers VALUES ($1, $2, $3, $4, $5, $6)', [
        id,
        verifier.hash,
        verifier.salt,
        verifier.iterations,
        verifier.storedKey,
        verifier.serverKey,
      ]);
    }
    return {
      result: {
        id,
        user: login,
        owner: owner.name,
        lake: lake?.name ?? null,
        readOnly: args.readOnly,
        onlyLake: args.onlyLake,
        expiresAt,
      },
      shownOnce: { secret },
      audit: {
        target: login,
        detail: {
          credentialId: id,
          owner: owner.name,
          lake: lake?.name ?? null,
          readOnly: args.readOnly,
          onlyLake: args.onlyLake,
          expiresAt,
        },
      },
      changes: [{ t: 'credential-created', credentialId: id, userId: owner.id }],
    };
  },
});

async function ownerOf(tx: Tx, actor: Actor, name: string | undefined): Promise<UserRow> {
  if (actor.isNarrowed) throw new LakeError('permission_denied', 'a narrowed credential cannot make credentials');
  if (name === undefined && actor.id === 'pod')
    throw new LakeError('invalid_argument', 'say for whom: a pod has no credentials of its own', { hint: 'Add --user NAME.' });
  const owner =
    name === undefined || name.toLowerCase() === actor.name
      ? await userByName(tx, actor.name)
      : await userByName(tx, name.toLowerCase());
  if (owner.id !== actor.id) requireAdmin(actor, "make another user's credential");
  return owner;
}
