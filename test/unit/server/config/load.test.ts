import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LakeError } from '../../../../base/errors.ts';
import { loadConfig } from '../../../../server/config/load.ts';
import { readBytes, readDuration } from '../../../../server/config/values.ts';

const load = (environment: Record<string, string>, flags = {}, configFile?: string) =>
  loadConfig({ flags, environment, cwd: '/somewhere', ...(configFile ? { configFile } : {}) });

const refusal = (environment: Record<string, string>): string => {
  try {
    load(environment);
  } catch (error) {
    assert.ok(error instanceof LakeError);
    assert.equal(error.code, 'config_invalid');
    return error.message;
  }
  throw new assert.AssertionError({ message: 'was accepted' });
};

test('with nothing set the embedded default is complete', () => {
  const config = load({});
  assert.equal(config.dataDir, '/somewhere/boilstream-data');
  assert.equal(config.storageUrl, 'file:///somewhere/boilstream-data/storage');
  assert.equal(config.pgwirePort, 5432);
  assert.equal(config.bindHost, '127.0.0.1');
  assert.equal(config.superadminEmail, 'admin@localhost');
  assert.equal(config.logRetentionMs, 7 * 86_400_000);
});

test('a flag wins over the environment, the environment over the file, the file over the default', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'config-')), 'pod.yaml');
  writeFileSync(file, 'pgwire_port: 1111\nauth_port: 2222\nlog_level: warn\n');
  const config = load({ BOILSTREAM_AUTH_PORT: '3333', BOILSTREAM_LOG_LEVEL: 'error' }, { log_level: 'debug' }, file);
  assert.deepEqual([config.pgwirePort, config.authPort, config.metricsPort, config.logLevel], [1111, 3333, 8081, 'debug']);
});

test('a wrong value is refused with the variable, the value and what fits', () => {
  assert.match(refusal({ BOILSTREAM_PGWIRE_PORT: '70000' }), /BOILSTREAM_PGWIRE_PORT is "70000": a whole number from 0 to 65535/);
  assert.match(refusal({ BOILSTREAM_STORAGE_URL: 'http://x' }), /s3:\/\/bucket\/prefix or file:\/\/\//);
  assert.match(refusal({ BOILSTREAM_LOG_LEVEL: 'loud' }), /one of trace, debug/);
  for (const endpoint of ['minio:9000', 'ftp://minio', 'http://minio/bucket', 'https://key:secret@minio'])
    assert.match(refusal({ BOILSTREAM_S3_ENDPOINT: endpoint }), /BOILSTREAM_S3_ENDPOINT is ".*": https:\/\/host\[:port\]/);
  assert.match(refusal({ BOILSTREAM_MEMORY_LIMIT: 'lots' }), /a size such as 512MB/);
  assert.match(refusal({ BOILSTREAM_TLS_CERT_PATH: '/x.pem' }), /go together/);
});

test('with an S3 endpoint the bucket is named in the path, on AWS in the host name, unless it is said', () => {
  assert.equal(load({}).s3.pathStyle, false);
  const { endpoint, pathStyle } = load({ BOILSTREAM_S3_ENDPOINT: 'http://minio:9000/' }).s3;
  assert.deepEqual([endpoint, pathStyle], ['http://minio:9000', true]);
  assert.equal(load({ BOILSTREAM_S3_ENDPOINT: 'http://minio:9000', BOILSTREAM_S3_PATH_STYLE: 'false' }).s3.pathStyle, false);
  assert.equal(load({ BOILSTREAM_S3_PATH_STYLE: 'true' }).s3.pathStyle, true);
});

test('vended keys: key files come in pairs, lifetimes have bounds, and AWS needs a role', () => {
  const files = { BOILSTREAM_S3_CLIENT_ACCESS_KEY_PATH: '/keys/a', BOILSTREAM_S3_CLIENT_SECRET_KEY_PATH: '/keys/s' };
  assert.deepEqual(load(files).s3.clientKeys, { accessKeyPath: '/keys/a', secretKeyPath: '/keys/s' });
  assert.match(refusal({ BOILSTREAM_S3_CLIENT_READ_ACCESS_KEY_PATH: '/keys/a' }), /_READ_SECRET_KEY_PATH go together/);
  assert.match(refusal({ BOILSTREAM_S3_VEND_TTL: '5m' }), /from 15m to 720m/);
  assert.match(refusal({ BOILSTREAM_S3_VEND: 'sts' }), /BOILSTREAM_S3_STS_ROLE_ARN/);
  assert.equal(load({ BOILSTREAM_S3_VEND: 'sts', BOILSTREAM_S3_ENDPOINT: 'http://minio:9000' }).s3.vend, 'sts');
});

test('a misspelt variable or key is refused with the right name', () => {
  assert.match(refusal({ BOILSTREAM_PGWIRE_PROT: '1' }), /did you mean BOILSTREAM_PGWIRE_PORT/);
  const file = join(mkdtempSync(join(tmpdir(), 'config-')), 'pod.yaml');
  writeFileSync(file, 'data_dri: /x\n');
  assert.throws(() => load({}, {}, file), /unknown key data_dri; did you mean data_dir/);
});

test('the PGWire port in vended strings is the base plus the ordinal in the node name', () => {
  const config = load({
    BOILSTREAM_NODE_NAME: 'boilstream-2',
    BOILSTREAM_PUBLIC_PGWIRE_PORT_BASE: '15432',
    BOILSTREAM_PUBLIC_DOMAIN: 'app.example.com',
  });
  assert.equal(config.publicPgwirePort, 15434);
  assert.equal(config.publicHost, 'boilstream-2.app.example.com');
});

test('sizes and durations read the units people write', () => {
  assert.equal(readBytes('1GiB'), 1024 ** 3);
  assert.equal(readBytes('2Gi'), 2 * 1024 ** 3);
  assert.equal(readBytes('1.5GB'), 1_500_000_000);
  assert.equal(readDuration('90s'), 90_000);
  assert.throws(() => readDuration('7'));
});
