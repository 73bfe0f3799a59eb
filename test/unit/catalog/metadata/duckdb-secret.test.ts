/** The form of a secret is DuckDB's own: what DuckDB writes for the same secret is the measure. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { encodeSecret, type ObjectStoreSecret } from '../../../../catalog/metadata/duckdb-secret.ts';
import { loadExtensions } from '../../../../server/engine/extensions.ts';

const directory = mkdtempSync(join(tmpdir(), 'secrets-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const full: ObjectStoreSecret = {
  name: 'boilstream_lake',
  scope: `s3://lakes/${'long/'.repeat(40)}`,
  keyId: 'KEYID',
  secret: 'sécret',
  sessionToken: 't'.repeat(400),
  region: 'eu-central-1',
  endpoint: '127.0.0.1:9000',
  useTls: false,
  pathStyle: true,
};
const { sessionToken: _token, endpoint: _endpoint, ...rest } = full;

for (const [name, secret] of [
  ['with everything', full],
  ['for AWS', { ...rest, name: 'aws', useTls: true, pathStyle: false }],
] as [string, ObjectStoreSecret][]) {
  test(`a secret ${name} is byte for byte what DuckDB writes`, async () => {
    const instance = await DuckDBInstance.create(':memory:', { secret_directory: directory });
    const connection = await instance.connect();
    await loadExtensions(connection, ['httpfs']);
    const { sessionToken, endpoint } = secret;
    await connection.run(
      `CREATE PERSISTENT SECRET ${secret.name} (TYPE s3, KEY_ID '${secret.keyId}', SECRET '${secret.secret}', REGION '${secret.region}', ` +
        `${sessionToken === undefined ? '' : `SESSION_TOKEN '${sessionToken}', `}${endpoint === undefined ? '' : `ENDPOINT '${endpoint}', `}` +
        `USE_SSL ${secret.useTls}, URL_STYLE '${secret.pathStyle ? 'path' : 'vhost'}', SCOPE '${secret.scope}')`,
    );
    connection.closeSync();
    instance.closeSync();
    const written = readFileSync(join(directory, `${secret.name}.duckdb_secret`));
    assert.equal(encodeSecret(secret).toString('hex'), written.toString('hex'));
  });
}
