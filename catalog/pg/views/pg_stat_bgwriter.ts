/** One row as PostgreSQL has it; what it counts (checkpoints of shared buffers) does not happen here. */
import type { PgView } from '../view.ts';

export const pgStatBgwriter: PgView = {
  name: 'pg_stat_bgwriter',
  oid: 12289,
  columns:
    'checkpoints_timed int8, checkpoints_req int8, checkpoint_write_time float8, checkpoint_sync_time float8, buffers_checkpoint int8, ' +
    'buffers_clean int8, maxwritten_clean int8, buffers_backend int8, buffers_backend_fsync int8, buffers_alloc int8, stats_reset timestamptz',
  from: 'range(1)',
};
