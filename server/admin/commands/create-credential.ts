/** A login with a random secret, and the strings to paste. The only answer that ever shows the secret. */
import { z } from 'zod';
import { LakeError } from '../../../base/errors.ts';
import { adminCommand } from '../command.ts';
import { connectionStrings } from '../connection-strings.ts';
import { readTtl } from '../ttl.ts';
import { isoTime, someName, time } from '../shapes.ts';

const args = z.strictObject({
  user: someName.optional().describe('whose; default: yours'),
  ducklake: someName.optional().describe('the database in the strings; default: the first you may use'),
  read_only: z.boolean().optional(),
  only_ducklake: z.boolean().optional().describe('may use this ducklake only'),
  ttl: z.string().max(20).optional().describe('how long it lives, e.g. 12h or 30d; default: until revoked'),
  ca_path: z.string().max(1000).optional().describe("the CA file on the client's machine, for the strings"),
});

export const createCredential = adminCommand({
  name: 'create-credential',
  summary: 'Create a credential; its secret is shown once',
  needs: 'yourself; admin for others',
  args,
  result: z.object({
    user: z.string(),
    password: z.string(),
    expires_at: time.nullable(),
    id: z.string(),
    owner: z.string(),
    database: z.string(),
    read_only: z.boolean(),
    only_ducklake: z.boolean(),
    uri: z.string(),
    psql: z.string(),
    jdbc: z.string(),
    duckdb_attach: z.string(),
    ca_path: z.string().nullable(),
    kafka: z.null(),
    flightsql: z.null(),
    airport: z.null(),
  }),
  http: { method: 'POST', path: '/credentials', status: 201 },
  sql: {
    syntax: "CREATE CREDENTIAL [FOR user] [ON DUCKLAKE name [ONLY]] [READ ONLY] [TTL '30d']",
    begins: [['create', 'credential']],
    tag: 'CREATE CREDENTIAL',
    parse(words) {
      const parsed: z.infer<typeof args> = {};
      if (words.take('for')) parsed.user = words.name(true);
      if (words.take('on', 'ducklake')) {
        parsed.ducklake = words.name();
        if (words.take('only')) parsed.only_ducklake = true;
      }
      if (words.take('read', 'only')) parsed.read_only = true;
      if (words.take('ttl')) parsed.ttl = words.string();
      return [parsed];
    },
  },
  table: {
    columns: ['user', 'password', 'expires_at', 'database', 'uri', 'psql', 'duckdb_attach'],
    rows: (made) => [[made.user, made.password, made.expires_at, made.database, made.uri, made.psql, made.duckdb_attach]],
  },
  async run(
    { user, ducklake, read_only, only_ducklake, ttl, ca_path },
    { control, principal, idempotencyKey, addresses, isLocal },
  ) {
    const command = {
      ...(user === undefined ? {} : { user }),
      ...(ducklake === undefined ? {} : { lake: ducklake }),
      readOnly: read_only ?? false,
      onlyLake: only_ducklake ?? false,
      ...(ttl === undefined ? {} : { ttlMs: readTtl(ttl) }),
    };
    const made = (await control.execute({ name: 'create-credential', args: command }, { principal, idempotencyKey })) as {
      id: string;
      user: string;
      owner: string;
      secret: string;
      expiresAt: number | null;
    };
    const as = await control.principalOf({ credentialId: made.id });
    if (!as) throw new LakeError('internal', 'the credential was revoked as it was made');
    // `postgres` is the default lake of whoever comes in; with no lake at all there is nothing else to name.
    const database = ducklake ?? as.defaultLake ?? 'postgres';
    const caPath = ca_path ?? (isLocal ? addresses.caPath : undefined) ?? null;
    return {
      user: made.user,
      password: made.secret,
      expires_at: made.expiresAt === null ? null : isoTime(made.expiresAt),
      id: made.id,
      owner: made.owner,
      database,
      read_only: command.readOnly,
      only_ducklake: command.onlyLake,
      ...connectionStrings({ ...addresses.pgwire(), user: made.user, password: made.secret, database, caPath }),
      ca_path: caPath,
      kafka: null,
      flightsql: null,
      airport: null,
    };
  },
});
