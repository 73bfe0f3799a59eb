/** The lakes the principal may use, with the sessions on them that it may see; other activity is not counted per lake. */
import { sessionRows } from '../session-functions.ts';
import { type PgView, pg } from '../view.ts';

export const pgStatDatabase: PgView = {
  name: 'pg_stat_database',
  oid: 12266,
  columns:
    'datid oid, datname name, numbackends int4, xact_commit int8, xact_rollback int8, blks_read int8, blks_hit int8, tup_returned int8, ' +
    'tup_fetched int8, tup_inserted int8, tup_updated int8, tup_deleted int8, conflicts int8, temp_files int8, temp_bytes int8, deadlocks int8, ' +
    'checksum_failures int8, checksum_last_failure timestamptz, blk_read_time float8, blk_write_time float8, session_time float8, ' +
    'active_time float8, idle_in_transaction_time float8, sessions int8, sessions_abandoned int8, sessions_fatal int8, sessions_killed int8, ' +
    'stats_reset timestamptz',
  values: { datid: `${pg('_oid')}('database', '', name)`, datname: 'name', numbackends: 'coalesce(backends, 0)' },
  from: `(SELECT unnest(${pg('_lakes')}(), recursive := true)) l
    LEFT JOIN (SELECT datname, count(*) AS backends FROM ${sessionRows('activity', { datname: 'VARCHAR' })} GROUP BY datname) a ON a.datname = l.name`,
};
