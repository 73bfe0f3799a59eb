/** The same as pg_user; there are no passwords in it. */
import { type PgView, pg } from '../view.ts';

export const pgShadow: PgView = {
  name: 'pg_shadow',
  oid: 12005,
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
  },
  from: `${pg('_role')} WHERE can_login`,
};
