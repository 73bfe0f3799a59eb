/** Schemas of the current lake, and the two every client expects. */
import { type PgView, pg } from '../view.ts';

export const pgNamespace: PgView = {
  name: 'pg_namespace',
  oid: 2615,
  columns: 'oid oid!, nspname name!, nspowner oid!, nspacl aclitem[]',
  values: {
    oid: 'oid',
    nspname: 'name',
    nspowner: 'owner',
  },
  from: `${pg('_schema')}`,
};
