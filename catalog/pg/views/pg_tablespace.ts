/** The one tablespace: the lake’s data path. */
import type { PgView } from '../view.ts';

export const pgTablespace: PgView = {
  name: 'pg_tablespace',
  oid: 1213,
  columns: 'oid oid!, spcname name!, spcowner oid!, spcacl aclitem[], spcoptions text[]',
  values: {
    oid: '1663',
    spcname: `'pg_default'`,
    spcowner: '10',
  },
  from: 'range(1)',
};
