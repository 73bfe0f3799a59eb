/** What the asking session has prepared, by PREPARE or in the protocol under a name. Parameters of PREPARE are not listed. */
import { sessionRows } from '../session-functions.ts';
import type { PgView } from '../view.ts';

export const pgPreparedStatements: PgView = {
  name: 'pg_prepared_statements',
  oid: 12095,
  columns:
    'name text, statement text, prepare_time timestamptz, parameter_types regtype[], from_sql bool, generic_plans int8, custom_plans int8',
  values: {
    name: 'name',
    statement: 'statement',
    prepare_time: 'make_timestamptz(prepare_time)',
    parameter_types: `from_json(parameter_types, '["VARCHAR"]')`,
    from_sql: 'from_sql',
  },
  from: sessionRows('prepared', {
    name: 'VARCHAR',
    statement: 'VARCHAR',
    prepare_time: 'BIGINT',
    parameter_types: 'VARCHAR',
    from_sql: 'BOOLEAN',
  }),
};
