/** The current lake. */
import type { PgView } from '../../view.ts';

export const informationSchemaCatalogName: PgView = {
  name: 'information_schema_catalog_name',
  columns: 'catalog_name name',
  values: {
    catalog_name: 'current_database()',
  },
  from: 'range(1)',
};
