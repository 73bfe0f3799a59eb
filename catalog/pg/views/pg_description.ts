/** Comments on tables, views and columns. */
import { type PgView, pg } from '../view.ts';

export const pgDescription: PgView = {
  name: 'pg_description',
  oid: 2609,
  columns: 'objoid oid!, classoid oid!, objsubid int4!, description text!',
  values: {
    objoid: 'oid',
    classoid: '1259',
    objsubid: 'number',
    description: 'comment',
  },
  from: `${pg('_comment')}`,
};
