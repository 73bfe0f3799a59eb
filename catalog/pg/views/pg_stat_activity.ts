/** The SQL sessions of the pod that the asking one may see; those of other users only that they are there. */
import { sessionRows } from '../session-functions.ts';
import { type PgView, pg } from '../view.ts';

const time = (field: string): string => `make_timestamptz(${field})`;

export const pgStatActivity: PgView = {
  name: 'pg_stat_activity',
  oid: 12222,
  columns:
    'datid oid, datname name, pid int4, leader_pid int4, usesysid oid, usename name, application_name text, client_addr inet, ' +
    'client_hostname text, client_port int4, backend_start timestamptz, xact_start timestamptz, query_start timestamptz, ' +
    'state_change timestamptz, wait_event_type text, wait_event text, state text, backend_xid xid, backend_xmin xid, query_id int8, query text, ' +
    'backend_type text',
  values: {
    datid: `${pg('_oid')}('database', '', datname)`,
    datname: 'datname',
    pid: 'pid',
    usesysid: `${pg('_role_oid')}(usename)`,
    usename: 'usename',
    application_name: 'application_name',
    client_addr: 'client_addr',
    client_port: 'client_port',
    backend_start: time('backend_start'),
    xact_start: time('xact_start'),
    query_start: time('query_start'),
    state_change: time('state_change'),
    wait_event_type: 'wait_event_type',
    wait_event: 'wait_event',
    state: 'state',
    query: 'query',
    backend_type: 'backend_type',
  },
  from: sessionRows('activity', {
    pid: 'INTEGER',
    datname: 'VARCHAR',
    usename: 'VARCHAR',
    application_name: 'VARCHAR',
    client_addr: 'VARCHAR',
    client_port: 'INTEGER',
    backend_start: 'BIGINT',
    xact_start: 'BIGINT',
    query_start: 'BIGINT',
    state_change: 'BIGINT',
    wait_event_type: 'VARCHAR',
    wait_event: 'VARCHAR',
    state: 'VARCHAR',
    query: 'VARCHAR',
    backend_type: 'VARCHAR',
  }),
};
