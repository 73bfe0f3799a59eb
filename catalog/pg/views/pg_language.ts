/** The one language of macros. */
import type { PgView } from '../view.ts';

export const pgLanguage: PgView = {
  name: 'pg_language',
  oid: 2612,
  columns:
    'oid oid!, lanname name!, lanowner oid!, lanispl bool!, lanpltrusted bool!, lanplcallfoid oid!, laninline oid!, lanvalidator oid!, ' +
    'lanacl aclitem[]',
  values: {
    oid: '14',
    lanname: `'sql'`,
    lanowner: '10',
    lanpltrusted: 'true',
  },
  from: 'range(1)',
};
