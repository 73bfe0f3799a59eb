/** Which names lakes and users may have. Names end up as database names, role names, SQL identifiers and paths. */
import { z } from 'zod';
import { catalogSuffix } from '../../base/domain.ts';

/** Names that mean something already: to PostgreSQL's tools, to DuckDB, or to us. */
const reservedLakeNames = new Set([
  'postgres',
  'template0',
  'template1',
  'control',
  'memory',
  'system',
  'temp',
  'boilstream',
  'main',
  'public',
  'default',
  'pg_catalog',
  'information_schema',
  'ducklake',
  'cat',
  'admin',
  'all',
  'none',
  'user',
  'current_user',
  'session_user',
]);

/** 63 bytes is PostgreSQL's longest name, and `<lake>__catalog` must fit too. */
const lakeNameLengthMax = 63 - catalogSuffix.length;

export const lakeName = z
  .string()
  .max(lakeNameLengthMax, `a ducklake's name has at most ${lakeNameLengthMax} characters`)
  .regex(/^[a-z][a-z0-9_]*$/, "a ducklake's name begins with a letter and holds lower-case letters, digits and _ only")
  .refine(
    (name) => !name.endsWith(catalogSuffix),
    `a ducklake's name may not end in ${catalogSuffix}: that is how its metadata is reached`,
  )
  .refine((name) => !reservedLakeNames.has(name) && !name.startsWith('pg_'), 'this name is reserved; choose another');

/** An e-mail address or a plain name; folded to lower case. Credentials get login names of their own (login.ts). */
export const userName = z
  .string()
  .min(1)
  .max(100, "a user's name has at most 100 characters")
  .transform((name) => name.toLowerCase())
  .refine(
    (name) => /^[a-z0-9](?:[a-z0-9._+-]*[a-z0-9_+-])?(?:@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)?$/.test(name),
    'a user is an e-mail address, or a name of letters, digits and . _ + -',
  )
  .refine(
    (name) => !['pod', 'public', 'postgres', 'superadmin', 'none', 'all'].includes(name) && !name.startsWith('pg_'),
    'this name is reserved; choose another',
  );

/** A person's or a script's own words for a request, so that sending it twice does it once. */
export const idempotencyKey = z
  .string()
  .min(8)
  .max(200)
  .regex(/^[\x21-\x7e]+$/, 'an idempotency key is printable ASCII without spaces');
