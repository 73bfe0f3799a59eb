/**
 * Background maintenance of lakes: what owners have set (JSON) and what the last pass left (JSON), and the files that no
 * snapshot names, on their way to being deleted. Without keys: rows are replaced, and DuckDB's indexes do not like that.
 */
export const maintenance = {
  version: 3,
  statements: [
    'CREATE TABLE maintenance (lake_id VARCHAR NOT NULL, settings VARCHAR NOT NULL, passed VARCHAR)',
    `CREATE TABLE garbage (
       lake_id VARCHAR NOT NULL, path VARCHAR NOT NULL, kind VARCHAR NOT NULL, seen_at BIGINT NOT NULL,
       condemned_epoch BIGINT, condemned_at BIGINT)`,
  ],
} as const;
