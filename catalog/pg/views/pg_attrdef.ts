/** Column defaults; `adbin` is the SQL text itself, which pg_get_expr hands on. */
import { type PgView, pg } from '../view.ts';

export const pgAttrdef: PgView = {
  name: 'pg_attrdef',
  oid: 2604,
  columns: 'oid oid!, adrelid oid!, adnum int2!, adbin pg_node_tree!',
  values: {
    oid: `${pg('_oid')}('default', relation::VARCHAR, number::VARCHAR)`,
    adrelid: 'relation',
    adnum: 'number',
    adbin: 'default_text',
  },
  from: `${pg('_attribute')} WHERE default_text IS NOT NULL`,
};
