/** The asking session itself; others are not shown to it. */
import { type PgView, pg } from '../view.ts';

export const pgStatActivity: PgView = {
  name: 'pg_stat_activity',
  oid: 12222,
  columns:
    'datid oid, datname name, pid int4, leader_pid int4, usesysid oid, usename name, application_name text, client_addr inet, ' +
    'client_hostname text, client_port int4, backend_start timestamptz, xact_start timestamptz, query_start timestamptz, ' +
    'state_change timestamptz, wait_event_type text, wait_event text, state text, backend_xid xid, backend_xmin xid, query_id int8, query text, ' +
    'backend_type text',
  values: {
    datid: `${pg('_oid')}('database', '', current_database())`,
    datname: 'current_database()',
    pid: `${pg('pg_backend_pid')}()`,
    usesysid: `${pg('_role_oid')}(${pg('_user')}())`,
    usename: `${pg('_user')}()`,
    application_name: `coalesce(${pg('_settings')}()['application_name'], '')`,
    query_start: 'now()',
    state: `'active'`,
    state_change: 'now()',
    query: 'system.main.current_query()',
    backend_type: `'client backend'`,
  },
  from: 'range(1)',
};
