/** Comments on lakes. */
import { type PgView, pg } from '../view.ts';

export const pgShdescription: PgView = {
  name: 'pg_shdescription',
  oid: 2396,
  columns: 'objoid oid!, classoid oid!, description text!',
  values: {
    objoid: `${pg('_oid')}('database', '', name)`,
    classoid: '1262',
    description: 'comment',
  },
  from: `(SELECT unnest(${pg('_lakes')}(), recursive := true)) WHERE comment IS NOT NULL`,
};
