/** Sessions of the REST API: the hash of a token, whose it is and until when. */
export const sessions = {
  version: 2,
  statements: [
    `CREATE TABLE sessions (
       token_hash VARCHAR PRIMARY KEY, user_id VARCHAR NOT NULL, address VARCHAR NOT NULL,
       created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)`,
  ],
} as const;
