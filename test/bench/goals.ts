/** What the benchmark measures and what must hold: one row each, in the order of the report. */

export interface Goal {
  /** Script and metric as the clients record them. */
  readonly script: string;
  readonly metric: string;
  readonly label: string;
  readonly unit: string;
  /** Whom we are compared with; without one the value itself is bounded. */
  readonly against?: 'postgres' | 'duckdb';
  /** Bound on the ratio ours / theirs, or on the value. Without a bound the row is for information. */
  readonly atMost?: number;
  readonly atLeast?: number;
}

export const goals: readonly Goal[] = [
  {
    script: 'pg_point',
    metric: 'latency_simple_p50',
    label: '`SELECT 1`, one connection, p50',
    unit: 'µs',
    against: 'postgres',
    atMost: 5,
  },
  {
    script: 'pg_point',
    metric: 'latency_extended_p50',
    label: '`SELECT $1::int`, extended protocol, p50',
    unit: 'µs',
    against: 'postgres',
  },
  {
    script: 'pg_point',
    metric: 'latency_prepared_p50',
    label: '`SELECT $1::int`, prepared, p50',
    unit: 'µs',
    against: 'postgres',
  },
  { script: 'pg_point', metric: 'rate_simple_1c', label: '`SELECT 1`, 1 connection', unit: '1/s', against: 'postgres' },
  {
    script: 'pg_point',
    metric: 'rate_prepared_1c',
    label: '`SELECT $1::int` prepared, 1 connection',
    unit: '1/s',
    against: 'postgres',
  },
  {
    script: 'pg_point',
    metric: 'rate_simple_16c',
    label: '`SELECT 1`, 16 connections',
    unit: '1/s',
    against: 'postgres',
    atLeast: 0.2,
  },
  {
    script: 'pg_point',
    metric: 'rate_prepared_16c',
    label: '`SELECT $1::int` prepared, 16 connections',
    unit: '1/s',
    against: 'postgres',
  },
  {
    script: 'pg_point',
    metric: 'sessions_tls_scram_4c',
    label: 'new sessions, TLS and SCRAM, 4 clients',
    unit: '1/s',
    against: 'postgres',
    atLeast: 0.5,
  },
  {
    script: 'pg_fetch',
    metric: 'cursor_text',
    label: '1 M rows out, cursor, text',
    unit: 'rows/s',
    against: 'postgres',
    atLeast: 0.4,
  },
  {
    script: 'pg_fetch',
    metric: 'cursor_binary',
    label: '1 M rows out, cursor, binary',
    unit: 'rows/s',
    against: 'postgres',
    atLeast: 0.4,
  },
  {
    script: 'pg_fetch',
    metric: 'cursor_text_chunked',
    label: '1 M rows out, cursor, text, chunks of 8,192',
    unit: 'rows/s',
    against: 'postgres',
  },
  {
    script: 'pg_fetch',
    metric: 'copy_out_text',
    label: '1 M rows out, COPY text',
    unit: 'rows/s',
    against: 'postgres',
    atLeast: 0.4,
  },
  { script: 'pg_fetch', metric: 'copy_out_csv', label: '1 M rows out, COPY csv', unit: 'rows/s', against: 'postgres' },
  {
    script: 'pg_fetch',
    metric: 'copy_out_binary',
    label: '1 M rows out, COPY binary',
    unit: 'rows/s',
    against: 'postgres',
    atLeast: 0.4,
  },
  {
    script: 'pg_ingest',
    metric: 'copy_in_csv',
    label: '1 M rows in, COPY csv',
    unit: 'rows/s',
    against: 'postgres',
    atLeast: 1.5,
  },
  { script: 'pg_ingest', metric: 'copy_in_text', label: '1 M rows in, COPY text', unit: 'rows/s', against: 'postgres' },
  { script: 'pg_ingest', metric: 'copy_in_binary', label: '1 M rows in, COPY binary', unit: 'rows/s', against: 'postgres' },
  {
    script: 'pg_ingest',
    metric: 'insert_100_rows',
    label: 'INSERT of 100 rows a statement',
    unit: 'rows/s',
    against: 'postgres',
  },
  {
    script: 'pg_ingest',
    metric: 'insert_1000_rows',
    label: 'INSERT of 1,000 rows a statement',
    unit: 'rows/s',
    against: 'postgres',
  },
  {
    script: 'pg_ingest',
    metric: 'insert_prepared_tx',
    label: 'prepared single-row INSERT in one transaction',
    unit: 'rows/s',
    against: 'postgres',
  },
  { script: 'pg_ingest', metric: 'insert_prepared_pipeline', label: 'the same, pipelined', unit: 'rows/s', against: 'postgres' },
  {
    script: 'tpch',
    metric: 'total',
    label: 'TPC-H SF1, 22 queries, against DuckDB in-process on the same Parquet files',
    unit: 'ms',
    against: 'duckdb',
    atMost: 1.3,
  },
  { script: 'start', metric: 'ready_first', label: '`npm start` to ready, new data directory', unit: 'ms', atMost: 2000 },
  { script: 'start', metric: 'ready_again', label: '`npm start` to ready, existing data directory', unit: 'ms', atMost: 2000 },
  { script: 'start', metric: 'idle_memory', label: 'resident memory of an idle pod', unit: 'MB', atMost: 250 },
];
