/** The one access method of tables: rows lie in Parquet files. */
import type { PgView } from '../view.ts';

export const pgAm: PgView = {
  name: 'pg_am',
  oid: 2601,
  columns: 'oid oid!, amname name!, amhandler regproc!, amtype char!',
  values: {
    oid: '2',
    amname: `'ducklake'`,
    amhandler: '0',
    amtype: `'t'`,
  },
  from: 'range(1)',
};
