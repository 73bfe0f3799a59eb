/** What who is asking may do with tables: rights are given on whole lakes. */
import { type PgView, pg } from '../../view.ts';

export const roleTableGrants: PgView = {
  name: 'role_table_grants',
  columns:
    'grantor name, grantee name, table_catalog name, table_schema name, table_name name, privilege_type text, is_grantable text, ' +
    'with_hierarchy text',
  values: {
    grantor: `${pg('pg_get_userbyid')}(r.owner)`,
    grantee: `${pg('_user')}()`,
    table_catalog: 'current_database()',
    table_schema: 'r.schema_name',
    table_name: 'r.name',
    privilege_type: 'p.privilege',
    is_grantable: `'NO'`,
    with_hierarchy: `'NO'`,
  },
  from: `${pg('_relation')} r, (SELECT unnest(CASE WHEN ${pg('_can_write')}() THEN ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] ELSE ['SELECT'] END) AS privilege) p WHERE NOT r.is_system`,
};
