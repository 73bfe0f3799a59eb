/** Text compares by its bytes, so there are only the two names of that order. */
import type { PgView } from '../view.ts';

export const pgCollation: PgView = {
  name: 'pg_collation',
  oid: 3456,
  columns:
    'oid oid!, collname name!, collnamespace oid!, collowner oid!, collprovider char!, collisdeterministic bool!, collencoding int4!, ' +
    'collcollate text, collctype text, colliculocale text, collversion text',
  values: {
    oid: 'oid',
    collname: 'name',
    collnamespace: '11',
    collowner: '10',
    collprovider: 'provider',
    collisdeterministic: 'true',
    collencoding: '-1',
    collcollate: `nullif(name, 'default')`,
    collctype: `nullif(name, 'default')`,
  },
  from: `(VALUES (100, 'default', 'd'), (950, 'C', 'c'), (951, 'POSIX', 'c')) c(oid, name, provider)`,
};
