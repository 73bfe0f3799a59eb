/** BOILSTREAM_METADATA_URL: what it means, and that its password is told to nobody. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMetadataUrl } from '../../../../catalog/external/url.ts';

test('a URL is read as libpq reads it', () => {
  const server = parseMetadataUrl(
    'postgresql://us%40er:p%3Aw%2F%C3%A4@[::1]:15432/main%20db?sslmode=verify-full&connect_timeout=3',
  );
  assert.deepEqual(server, {
    host: '::1',
    port: 15432,
    admin: { user: 'us@er', password: 'p:w/ä' },
    adminDatabase: 'main db',
    sslMode: 'verify-full',
    connectMsMax: 3000,
  });
  assert.deepEqual(
    ['postgres://a:b@db.example.com', 'postgres://a@localhost/', 'postgres://a@db?sslmode=disable'].map((url) => {
      const { port, adminDatabase, sslMode } = parseMetadataUrl(url);
      return [port, adminDatabase, sslMode];
    }),
    [
      [5432, 'postgres', 'require'],
      [5432, 'postgres', 'prefer'],
      [5432, 'postgres', 'disable'],
    ],
  );
});

test('what is wrong is said without the password', () => {
  for (const url of [
    'secret',
    'mysql://u:secret@h/',
    'postgres://:secret@h/',
    'postgres://u:secret@/x',
    'postgres://u:secret@h/?sslmode=maybe',
    'postgres://u:secret@h/?passwort=secret',
    'postgres://u:secret@h/?connect_timeout=0',
    'postgres://u:secret@h/?sslrootcert=/nowhere/secret-not.pem',
    'postgres://u:%zzsecret@h/',
  ])
    assert.throws(
      () => parseMetadataUrl(url),
      (error: Error & { code?: string; hint?: string }) => {
        assert.equal(error.code, 'config_invalid', url);
        assert.doesNotMatch(`${error.message} ${error.hint} ${error.stack?.split('\n')[0]}`, /secret/, url);
        return true;
      },
    );
});
