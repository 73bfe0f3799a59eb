/** Tables and views of the current lake, and the relations of pg_catalog and information_schema themselves. `reltuples` is -1 (not known) here: pg_class_counted has the numbers. */
import { type PgView, pg } from '../view.ts';

export const pgClass: PgView = {
  name: 'pg_class',
  oid: 1259,
  columns:
    'oid oid!, relname name!, relnamespace oid!, reltype oid!, reloftype oid!, relowner oid!, relam oid!, relfilenode oid!, reltablespace oid!, ' +
    'relpages int4!, reltuples float4!, relallvisible int4!, reltoastrelid oid!, relhasindex bool!, relisshared bool!, relpersistence char!, ' +
    'relkind char!, relnatts int2!, relchecks int2!, relhasrules bool!, relhastriggers bool!, relhassubclass bool!, relrowsecurity bool!, ' +
    'relforcerowsecurity bool!, relispopulated bool!, relreplident char!, relispartition bool!, relrewrite oid!, relfrozenxid xid!, ' +
    'relminmxid xid!, relacl aclitem[], reloptions text[], relpartbound pg_node_tree',
  values: {
    oid: 'oid',
    relname: 'name',
    relnamespace: 'namespace',
    relowner: 'owner',
    relam: `CASE kind WHEN 'r' THEN 2 ELSE 0 END`,
    relfilenode: `CASE kind WHEN 'r' THEN oid ELSE 0 END`,
    reltuples: '-1',
    relpersistence: `CASE WHEN is_temporary THEN 't' ELSE 'p' END`,
    relkind: 'kind',
    relnatts: 'column_count',
    relispopulated: 'true',
    relreplident: `CASE WHEN is_system THEN 'n' ELSE 'd' END`,
    relhasrules: `kind = 'v'`,
  },
  from: `${pg('_relation')}`,
};
