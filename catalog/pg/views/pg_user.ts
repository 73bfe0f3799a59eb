/** Roles that can log in. */
import { type PgView, pg } from '../view.ts';

export const pgUser: PgView = {
  name: 'pg_user',
  oid: 12014,
  columns:
    'usename name, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, usebypassrls bool, passwd text, valuntil timestamptz, ' +
    'useconfig text[]',
  values: {
    usename: 'name',
    usesysid: 'oid',
    usecreatedb: 'is_superuser',
    usesuper: 'is_superuser',
    userepl: 'false',
    usebypassrls: 'is_superuser',
    passwd: `'********'`,
  },
  from: `${pg('_role')} WHERE can_login`,
};
