/** Every relation of pg_catalog. They depend on the internal relations only, not on each other, unless noted. */
import { pgType } from '../types.ts';
import type { PgView } from '../view.ts';
import { emptyViews } from './empty.ts';
import { pgAm } from './pg_am.ts';
import { pgAttrdef } from './pg_attrdef.ts';
import { pgAttribute } from './pg_attribute.ts';
import { pgAuthid } from './pg_authid.ts';
import { pgClass } from './pg_class.ts';
import { pgCollation } from './pg_collation.ts';
import { pgDatabase } from './pg_database.ts';
import { pgDescription } from './pg_description.ts';
import { pgExtension } from './pg_extension.ts';
import { pgLanguage } from './pg_language.ts';
import { pgLocks } from './pg_locks.ts';
import { pgPreparedStatements } from './pg_prepared_statements.ts';
import { pgNamespace } from './pg_namespace.ts';
import { pgProc } from './pg_proc.ts';
import { pgRoles } from './pg_roles.ts';
import { pgSettings } from './pg_settings.ts';
import { pgShadow } from './pg_shadow.ts';
import { pgShdescription } from './pg_shdescription.ts';
import { pgStatActivity } from './pg_stat_activity.ts';
import { pgStatAllTables } from './pg_stat_all_tables.ts';
import { pgStatBgwriter } from './pg_stat_bgwriter.ts';
import { pgStatDatabase } from './pg_stat_database.ts';
import { pgStatUserTables } from './pg_stat_user_tables.ts';
import { pgStatioUserTables } from './pg_statio_user_tables.ts';
import { pgTables } from './pg_tables.ts';
import { pgTablespace } from './pg_tablespace.ts';
import { pgTimezoneNames } from './pg_timezone_names.ts';
import { pgUser } from './pg_user.ts';
import { pgViews } from './pg_views.ts';

export const views: readonly PgView[] = [
  pgType,
  pgNamespace,
  pgClass,
  pgAttribute,
  pgAttrdef,
  pgDatabase,
  pgRoles,
  pgAuthid,
  pgUser,
  pgShadow,
  pgAm,
  pgTablespace,
  pgLanguage,
  pgExtension,
  pgCollation,
  pgDescription,
  pgShdescription,
  pgTables,
  pgViews,
  pgProc,
  pgSettings,
  pgStatActivity,
  pgLocks,
  pgPreparedStatements,
  pgStatUserTables,
  pgStatAllTables,
  pgStatioUserTables,
  pgStatDatabase,
  pgStatBgwriter,
  pgTimezoneNames,
  ...emptyViews,
];
