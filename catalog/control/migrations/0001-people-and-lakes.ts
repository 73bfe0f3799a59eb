/**
 * Lakes, users, grants, credentials, settings, sealed secrets, audit and the memory of commands already done.
 * Times are milliseconds since 1970 UTC. No password of a person has a column here, and none may get one: their login
 * (OPAQUE) will bring its own table.
 */
export const peopleAndLakes = {
  version: 1,
  statements: [
    `CREATE TABLE lakes (
       id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, state VARCHAR NOT NULL CHECK (state IN ('creating', 'live', 'dropped')),
       data_path VARCHAR NOT NULL, created_by VARCHAR NOT NULL, created_at BIGINT NOT NULL, dropped_at BIGINT)`,
    `CREATE TABLE users (
       id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, is_admin BOOLEAN NOT NULL, is_superadmin BOOLEAN NOT NULL,
       created_by VARCHAR NOT NULL, created_at BIGINT NOT NULL)`,
    `CREATE TABLE grants (
       id VARCHAR PRIMARY KEY, user_id VARCHAR NOT NULL, lake_id VARCHAR NOT NULL,
       access VARCHAR NOT NULL CHECK (access IN ('owner', 'write', 'read')), granted_by VARCHAR NOT NULL, granted_at BIGINT NOT NULL)`,
    `CREATE TABLE credentials (
       id VARCHAR PRIMARY KEY, login VARCHAR NOT NULL, user_id VARCHAR NOT NULL, lake_id VARCHAR,
       read_only BOOLEAN NOT NULL, only_lake BOOLEAN NOT NULL, created_by VARCHAR NOT NULL, created_at BIGINT NOT NULL,
       expires_at BIGINT, revoked_at BIGINT)`,
    `CREATE TABLE verifiers (
       credential_id VARCHAR NOT NULL, hash VARCHAR NOT NULL CHECK (hash IN ('sha256', 'sha512')), salt BLOB NOT NULL,
       iterations INTEGER NOT NULL CHECK (iterations >= 4096), stored_key BLOB NOT NULL, server_key BLOB NOT NULL)`,
    'CREATE TABLE settings (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)',
    'CREATE TABLE secrets (name VARCHAR PRIMARY KEY, sealed BLOB NOT NULL)',
    `CREATE TABLE audit (
       id BIGINT PRIMARY KEY, happened_at BIGINT NOT NULL, actor_id VARCHAR NOT NULL, actor_name VARCHAR NOT NULL, credential_id VARCHAR,
       action VARCHAR NOT NULL, target VARCHAR NOT NULL, detail VARCHAR NOT NULL)`,
    `CREATE TABLE commands (
       idempotency_key VARCHAR PRIMARY KEY, actor_id VARCHAR NOT NULL, command VARCHAR NOT NULL, arguments VARCHAR NOT NULL,
       result VARCHAR NOT NULL, done_at BIGINT NOT NULL)`,
  ],
} as const;
