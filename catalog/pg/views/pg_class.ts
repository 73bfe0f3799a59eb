/** Tables and views of the current lake, and the relations of pg_catalog and information_schema themselves. `reltuples` is -1 (not known) except where a statement asks for it: DuckDB computes it for all tables at once. */
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
  counted: {
    values: { reltuples: 'coalesce(counts.rows, -1)' },
    from: `${pg('_relation')} r LEFT JOIN (SELECT database_name AS lake, schema_name AS schema, table_name AS table_name, estimated_size AS rows FROM duckdb_tables()) counts
      ON counts.lake = r.database_name AND counts.schema = r.real_schema AND counts.table_name = r.name AND NOT r.is_system`,
  },
};
