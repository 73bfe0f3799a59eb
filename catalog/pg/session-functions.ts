/**
 * Functions and relations whose answer only the session knows: other sessions, advisory locks, the clock. DuckDB asks it
 * by `session_call(what, first, second)`, which the engine registers (server/engine/session-call.ts); lists come as JSON.
 * Source: PostgreSQL 15 documentation, sections 9.27.2 "Server Signaling Functions", 9.27.10 "Advisory Lock Functions".
 */
import type { PgFunction } from './functions.ts';

/** A moment that the session tells in microseconds. */
const moment = (what: string): string => `make_timestamptz(session_call('${what}', '', '')::BIGINT)`;

/** `1:` before one key of 64 bits, `2:` before two of 32, so that they never meet. */
const keys = [
  ['key', "'1:' || key::BIGINT"],
  ['key1, key2', "'2:' || key1::INTEGER || ',' || key2::INTEGER"],
] as const;

const lockFunction = (name: string, body: (key: string) => string): PgFunction => [
  name,
  ...keys.map(([parameters, key]) => `(${parameters}) AS ${body(key)}`),
];

export const sessionFunctions: readonly PgFunction[] = [
  ['clock_timestamp', `() AS ${moment('clock')}`],
  ['timeofday', `() AS strftime(${moment('clock')}, '%a %b %d %H:%M:%S.%f %Y %Z')`],
  ['pg_postmaster_start_time', `() AS ${moment('started')}`],
  ['pg_conf_load_time', `() AS ${moment('started')}`],
  ['pg_cancel_backend', "(pid) AS session_call('cancel', pid::INTEGER::VARCHAR, '')::BOOLEAN"],
  [
    'pg_terminate_backend',
    ...['pid', 'pid, timeout'].map((list) => `(${list}) AS session_call('terminate', pid::INTEGER::VARCHAR, '')::BOOLEAN`),
  ],
  ...['exclusive', 'shared'].flatMap((mode): PgFunction[] => {
    const after = mode === 'shared' ? '_shared' : '';
    return [
      lockFunction(`pg_advisory_lock${after}`, (key) => `session_call('lock', '${mode}', ${key})`),
      lockFunction(`pg_try_advisory_lock${after}`, (key) => `session_call('try-lock', '${mode}', ${key})::BOOLEAN`),
      lockFunction(`pg_advisory_unlock${after}`, (key) => `session_call('unlock', '${mode}', ${key})::BOOLEAN`),
      lockFunction(`pg_advisory_xact_lock${after}`, (key) => `session_call('lock', '${mode} transaction', ${key})`),
      lockFunction(
        `pg_try_advisory_xact_lock${after}`,
        (key) => `session_call('try-lock', '${mode} transaction', ${key})::BOOLEAN`,
      ),
    ];
  }),
  ['inet_client_addr', "() AS session_call('client', '', '')"],
  [
    'set_config',
    "(setting_name, new_value, is_local) AS session_call(CASE WHEN is_local THEN 'set-local' ELSE 'set' END, setting_name, new_value::VARCHAR)",
  ],
  ['pg_advisory_unlock_all', "() AS session_call('unlock-all', '', '')"],
];

/** What stands behind FROM: the rows of a list, with these fields and their DuckDB types. */
export function sessionRows(what: string, fields: Readonly<Record<string, string>>): string {
  return `(SELECT unnest(from_json(session_call('${what}', '', ''), '${JSON.stringify([fields])}'), recursive := true))`;
}
