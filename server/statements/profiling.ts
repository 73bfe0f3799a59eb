/**
 * DuckDB copies the list of metrics for every operator of every statement, although nobody looks: a tenth of a small
 * statement's time. Sessions choose none, which turns profiling on, so it is turned off again.
 */
import type { EngineConnection } from '../engine/connection.ts';

export const withoutMetrics: readonly string[] = ["SET custom_profiling_settings = '{}'", 'PRAGMA disable_profiling'];

/** Runs `work` (an EXPLAIN ANALYZE) with DuckDB's usual metrics. */
export async function measured<T>(connection: EngineConnection, work: () => Promise<T>): Promise<T> {
  await connection.run('RESET custom_profiling_settings');
  try {
    return await work();
  } finally {
    // In a failed transaction it cannot run; the next environment does it again.
    await connection.run(withoutMetrics.join(';')).catch(() => undefined);
  }
}
