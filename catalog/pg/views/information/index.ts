/** Every relation of information_schema. */
import type { PgView } from '../../view.ts';
import { characterSets } from './character_sets.ts';
import { columns } from './columns.ts';
import { emptyInformationViews } from './empty.ts';
import { enabledRoles } from './enabled_roles.ts';
import { informationSchemaCatalogName } from './information_schema_catalog_name.ts';
import { roleTableGrants } from './role_table_grants.ts';
import { routines } from './routines.ts';
import { schemata } from './schemata.ts';
import { tablePrivileges } from './table_privileges.ts';
import { tables } from './tables.ts';
import { informationViews } from './views.ts';

export const informationSchemaViews: readonly PgView[] = [
  characterSets,
  columns,
  enabledRoles,
  informationSchemaCatalogName,
  roleTableGrants,
  routines,
  schemata,
  tablePrivileges,
  tables,
  informationViews,
  ...emptyInformationViews,
];
