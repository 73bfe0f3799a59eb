/** The lakes the principal may use (each is a database on this port). */
import { type PgView, pg } from '../view.ts';

export const pgDatabase: PgView = {
  name: 'pg_database',
  oid: 1262,
  columns:
    'oid oid!, datname name!, datdba oid!, encoding int4!, datlocprovider char!, datistemplate bool!, datallowconn bool!, datconnlimit int4!, ' +
    'datfrozenxid xid!, datminmxid xid!, dattablespace oid!, datcollate text!, datctype text!, daticulocale text, datcollversion text, ' +
    'datacl aclitem[]',
  values: {
    oid: `${pg('_oid')}('database', '', name)`,
    datname: 'name',
    datdba: `${pg('_role_oid')}(owner)`,
    encoding: '6',
    datlocprovider: `'c'`,
    datallowconn: 'true',
    datconnlimit: '-1',
    dattablespace: '1663',
    datcollate: `'C'`,
    datctype: `'C'`,
  },
  from: `(SELECT unnest(${pg('_lakes')}(), recursive := true))`,
};
