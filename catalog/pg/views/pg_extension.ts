/** Extensions a client may look for: none can be added, SQL is the only language. */
import type { PgView } from '../view.ts';

export const pgExtension: PgView = {
  name: 'pg_extension',
  oid: 3079,
  columns:
    'oid oid!, extname name!, extowner oid!, extnamespace oid!, extrelocatable bool!, extversion text!, extconfig oid[], extcondition text[]',
  values: {
    oid: '13500',
    extname: `'ducklake'`,
    extowner: '10',
    extnamespace: '11',
    extversion: `'1.0'`,
  },
  from: 'range(1)',
};
