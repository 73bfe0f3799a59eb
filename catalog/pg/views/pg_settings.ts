/** The session’s settings as SHOW gives them. */
import { type PgView, pg } from '../view.ts';

export const pgSettings: PgView = {
  name: 'pg_settings',
  oid: 12104,
  columns:
    'name text, setting text, unit text, category text, short_desc text, extra_desc text, context text, vartype text, source text, min_val text, ' +
    'max_val text, enumvals text[], boot_val text, reset_val text, sourcefile text, sourceline int4, pending_restart bool',
  values: {
    name: 'entry.key',
    setting: 'entry.value',
    category: `'Client'`,
    short_desc: `''`,
    context: `'user'`,
    vartype: `'string'`,
    source: `'session'`,
    boot_val: 'entry.value',
    reset_val: 'entry.value',
    pending_restart: 'false',
  },
  from: `(SELECT unnest(map_entries(${pg('_settings')}())) AS entry)`,
};
