/** The roles that can be seen: who is asking, the owners of their lakes, and the owner of what the system brings. */
import { type PgView, pg } from '../view.ts';

export const pgRoles: PgView = {
  name: 'pg_roles',
  oid: 12000,
  columns:
    'rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, rolcanlogin bool, rolreplication bool, ' +
    'rolconnlimit int4, rolpassword text, rolvaliduntil timestamptz, rolbypassrls bool, rolconfig text[], oid oid',
  values: {
    oid: 'oid',
    rolname: 'name',
    rolsuper: 'is_superuser',
    rolinherit: 'true',
    rolcreaterole: 'is_superuser',
    rolcreatedb: 'is_superuser',
    rolcanlogin: 'can_login',
    rolreplication: 'false',
    rolconnlimit: '-1',
    rolpassword: `'********'`,
    rolbypassrls: 'is_superuser',
  },
  from: `${pg('_role')}`,
};
