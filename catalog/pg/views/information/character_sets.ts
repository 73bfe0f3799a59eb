/** The one encoding. */
import type { PgView } from '../../view.ts';

export const characterSets: PgView = {
  name: 'character_sets',
  columns:
    'character_set_catalog name, character_set_schema name, character_set_name name, character_repertoire name, form_of_use name, ' +
    'default_collate_catalog name, default_collate_schema name, default_collate_name name',
  values: {
    character_set_name: `'UTF8'`,
    character_repertoire: `'UCS'`,
    form_of_use: `'UTF8'`,
    default_collate_catalog: 'current_database()',
    default_collate_schema: `'pg_catalog'`,
    default_collate_name: `'C'`,
  },
  from: 'range(1)',
};
