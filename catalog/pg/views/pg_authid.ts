/** The same as pg_roles; there are no passwords in it. */
import { type PgView, pg } from '../view.ts';

export const pgAuthid: PgView = {
  name: 'pg_authid',
  oid: 1260,
  columns:
    'oid oid!, rolname name!, rolsuper bool!, rolinherit bool!, rolcreaterole bool!, rolcreatedb bool!, rolcanlogin bool!, rolreplication bool!, ' +
    'rolbypassrls bool!, rolconnlimit int4!, rolpassword text, rolvaliduntil timestamptz',
  values: {
    oid: 'oid',
    rolname: 'name',
    rolsuper: 'is_superuser',
    rolinherit: 'true',
    rolcreaterole: 'is_superuser',
    rolcreatedb: 'is_superuser',
    rolcanlogin: 'can_login',
    rolconnlimit: '-1',
    rolbypassrls: 'is_superuser',
  },
  from: `${pg('_role')}`,
};
