/** Columns of every relation in pg_class. */
import { type PgView, pg } from '../view.ts';

export const pgAttribute: PgView = {
  name: 'pg_attribute',
  oid: 1249,
  columns:
    'attrelid oid!, attname name!, atttypid oid!, attstattarget int4!, attlen int2!, attnum int2!, attndims int4!, attcacheoff int4!, ' +
    'atttypmod int4!, attbyval bool!, attalign char!, attstorage char!, attcompression char!, attnotnull bool!, atthasdef bool!, ' +
    'atthasmissing bool!, attidentity char!, attgenerated char!, attisdropped bool!, attislocal bool!, attinhcount int4!, attcollation oid!, ' +
    'attacl aclitem[], attoptions text[], attfdwoptions text[], attmissingval anyarray',
  values: {
    attrelid: 'relation',
    attname: 'name',
    atttypid: 'type_oid',
    attstattarget: '-1',
    attlen: 'type_size',
    attnum: 'number',
    attndims: 'dimensions',
    attcacheoff: '-1',
    atttypmod: 'typmod',
    attbyval: 'type_size BETWEEN 1 AND 8',
    attalign: `CASE WHEN type_size IN (1, 2) THEN 's' WHEN type_size = 8 THEN 'd' ELSE 'i' END`,
    attstorage: `CASE WHEN type_size = -1 THEN 'x' ELSE 'p' END`,
    attnotnull: 'is_not_null',
    atthasdef: 'default_text IS NOT NULL',
    attislocal: 'true',
    attcollation: 'collation_oid',
  },
  from: `${pg('_attribute')}`,
};
