/**
 * What holds for a pod whose log and data lie on an S3 server, whichever it is: SQL sessions and stock DuckDBs read and write the same
 * Parquet there, a client needs no keys of its own, and what it is given reaches no further than its grant where keys can be narrowed.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, test, type TestContext } from 'node:test';
import { adminSocketPath } from '../../base/local-socket.ts';
import { runAdmin } from '../../cli/admin.ts';
import { type ClientName, duckdb, needsClient, psql, type Ran } from './clients.ts';
import { type Pod, startPod } from './pod.ts';

export interface S3ForLakes {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** More settings of the pod. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The authority of its certificate, when it speaks HTTPS: the pod and the clients are told. */
  readonly caPath?: string;
  /** Names of the objects in the bucket `lakes`. */
  keys(): Promise<string[]> | string[];
  /** Everything vended or configured that must not be found in a log. */
  secrets(): string[];
  stop(): Promise<void>;
}

export interface S3LakePromises {
  readonly name: string;
  /** Whether the server makes keys that are narrowed to lake and grant. */
  readonly narrows: boolean;
  readonly open: () => Promise<S3ForLakes>;
  /** The client that brings the server, if one does. */
  readonly needs?: ClientName;
}

export function testS3Lake({ name, narrows, open, needs }: S3LakePromises): void {
  describe(`a lake on ${name}`, () => {
    let server: S3ForLakes;
    let pod: Pod;
    let keyDir: string | undefined;
    const isHere = (t: Pick<TestContext, 'skip'>, ...names: ClientName[]): boolean =>
      [...(needs === undefined ? [] : [needs]), ...names].every((one) => needsClient(t, one));
    before(async () => {
      if (!isHere({ skip: () => {} })) return;
      server = await open();
      keyDir = mkdtempSync(join(tmpdir(), 's3-keys-'));
      const [access, secret] = [join(keyDir, 'access'), join(keyDir, 'secret')];
      writeFileSync(access, server.accessKeyId, { mode: 0o600 });
      writeFileSync(secret, server.secretAccessKey, { mode: 0o600 });
      pod = await startPod({
        readyDeadlineMs: 90_000,
        environment: {
          BOILSTREAM_STORAGE_URL: 's3://lakes/pre/fix',
          BOILSTREAM_S3_ENDPOINT: server.endpoint,
          BOILSTREAM_S3_ACCESS_KEY_PATH: access,
          BOILSTREAM_S3_SECRET_KEY_PATH: secret,
          BOILSTREAM_LOG_LEVEL: 'debug',
          ...(server.caPath === undefined ? {} : { BOILSTREAM_S3_CA_PATH: server.caPath }),
          ...server.environment,
        },
      });
    });
    after(async () => {
      await pod?.stop();
      await server?.stop();
      if (keyDir) rmSync(keyDir, { recursive: true, force: true });
    });

    async function admin(...argv: string[]): Promise<string> {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const code = await runAdmin(argv, {
        environment: { BOILSTREAM_DATA_DIR: pod.dataDir },
        home: pod.dataDir,
        cwd: pod.dataDir,
        stdin: Readable.from([]),
        stdout,
        stderr,
      });
      assert.equal(code, 0, `${argv.join(' ')}: ${stderr.read()}`);
      return String(stdout.read());
    }

    /** The line that `credentials create` prints, and nothing else: no CREATE SECRET, no keys in the environment. */
    async function attachLine(...options: string[]): Promise<string> {
      const made = JSON.parse(await admin('credentials', 'create', '--ducklake', 'lake', ...options, '--json'));
      return `${(made as { duckdb_attach: string }).duckdb_attach};\n`;
    }

    async function inDuckdb(sql: string): Promise<string> {
      const ran = await asStock(sql);
      assert.equal(ran.code, 0, `${sql}\n${ran.stderr}\n${ran.stdout}\n${pod.log()}`);
      return ran.stdout.trim().replaceAll('\r', '');
    }

    function asStock(sql: string): Promise<Ran> {
      const trust = server.caPath === undefined ? '' : `LOAD httpfs;\nSET ca_cert_file = '${server.caPath}';\n`;
      const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_SESSION_TOKEN: '' };
      return duckdb(pod, trust + sql, { environment: none });
    }

    async function inPsql(sql: string): Promise<string> {
      const ran = await psql(pod, ['-At'], { input: sql });
      assert.equal(ran.code, 0, `${sql}\n${ran.stderr}\n${pod.log()}`);
      return ran.stdout.trim();
    }

    const listFiles = async (): Promise<string[]> => (await server.keys()).filter((key) => key.endsWith('.parquet'));

    test('psql and a stock DuckDB with nothing but the ATTACH line read and write the same Parquet in the bucket', async (t) => {
      if (!isHere(t, 'duckdb', 'psql')) return;
      await inPsql('CREATE TABLE readings AS SELECT i AS id, 20 + i % 7 AS celsius FROM range(100000) t(i);');
      const files = await listFiles();
      assert.equal(files.length, 1);
      assert.match(files[0] as string, /^pre\/fix\/lakes\/[-0-9a-f]{36}\/data\/main\/readings\/ducklake-[-0-9a-f]+\.parquet$/);
      const line = await attachLine();
      assert.equal(
        await inDuckdb(
          `${line}CREATE TABLE cat.doubled AS SELECT id, celsius * 2 AS c FROM cat.readings;
           DELETE FROM cat.readings WHERE id >= 50000;
           INSERT INTO cat.readings VALUES (-1, 0);
           SELECT count(*) AS n, min(id) AS low FROM cat.readings;`,
        ),
        'n,low\n50001,-1',
      );
      assert.equal(await inPsql('SELECT count(*), max(c) FROM doubled; SELECT count(*) FROM readings'), '100000|52\n50001');
      assert.ok((await listFiles()).length >= 3, 'the client wrote its files into the bucket');
    });

    test(narrows ? 'a reading grant gets keys that only read' : 'a reading grant reads', async (t) => {
      if (!isHere(t, 'duckdb')) return;
      const line = await attachLine('--read-only');
      assert.equal(await inDuckdb(`${line}SELECT count(*) AS n FROM cat.readings;`), 'n\n50001');
      const before = await listFiles();
      const refused = await asStock(`${line}CREATE TABLE cat.mine AS SELECT i FROM range(100000) t(i);`);
      assert.notEqual(refused.code, 0);
      if (!narrows) return;
      assert.match(refused.stderr, /403/);
      assert.deepEqual(await listFiles(), before, 'nothing was put');
    });

    test('vended keys open their lake and nothing else', async (t) => {
      if (!isHere(t, 'duckdb', 'psql')) return;
      if (!narrows) return t.diagnostic('this server has no token service');
      const table = await psql(pod, ['-At', '-c', 'SELECT serialized_secret FROM duckdb_secrets'], { database: 'lake__catalog' });
      const blob = Buffer.from(table.stdout.trim().replace(/^\\x/, ''), 'hex');
      const of = (field: string): string => textIn(blob, field);
      const file = (await listFiles()).find((key) => key.includes('/readings/')) as string;
      const prefix = file.replace(/\/data\/.*/, '/data');
      const wide =
        `CREATE SECRET wide (TYPE s3, KEY_ID '${of('key_id')}', SECRET '${of('secret')}', SESSION_TOKEN '${of('session_token')}', ` +
        `ENDPOINT '${of('endpoint')}', USE_SSL ${server.endpoint.startsWith('https:')}, URL_STYLE '${of('url_style')}', REGION '${of('region')}');\n`;
      assert.match(await inDuckdb(`${wide}SELECT count(*) > 0 AS own FROM glob('s3://lakes/${prefix}/**');`), /true/);
      const log = (await server.keys()).find((key) => key.includes('/catalog/log/')) as string;
      for (const sql of [
        `SELECT * FROM read_blob('s3://lakes/${log}')`,
        `SELECT * FROM glob('s3://lakes/pre/fix/catalog/**')`,
        `COPY (SELECT 1) TO 's3://lakes/${prefix}-other/x.parquet'`,
        `COPY (SELECT 1) TO 's3://lakes/pre/fix/catalog/log/x.parquet'`,
      ]) {
        const ran = await asStock(`${wide}${sql};`);
        assert.ok(ran.code !== 0 && /403|AccessDenied|Access Denied/.test(ran.stderr), `${sql}: ${ran.stdout} ${ran.stderr}`);
      }
    });

    test('who got keys is in the audit; the keys themselves are in no log', async (t) => {
      if (!isHere(t)) return;
      const { events } = JSON.parse(await restAudit()) as {
        events: { action: string; target: string; detail: Record<string, unknown> }[];
      };
      const vends = events.filter(({ action }) => action === 'keys-vended');
      assert.ok(vends.length >= 2, JSON.stringify(events));
      for (const { target, detail } of vends) {
        assert.equal(target, 'lake');
        assert.equal(detail['kind'], narrows ? 'temporary' : 'configured');
        assert.ok(typeof detail['user'] === 'string' && typeof detail['key_id'] === 'string' && detail['access']);
        assert.equal(detail['expires_at'] !== null, narrows);
      }
      assert.deepEqual(new Set(vends.map(({ detail }) => detail['access'])), new Set(['owner', 'read']));
      const told = `${pod.log()}\n${JSON.stringify(events)}`;
      for (const secret of server.secrets()) assert.ok(!told.includes(secret), 'a secret was logged');
    });

    async function restAudit(): Promise<string> {
      const { request } = await import('node:http');
      return new Promise((resolve, reject) => {
        const asking = request({ socketPath: adminSocketPath(pod.dataDir), path: '/api/v1/audit' }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          response.on('end', () => resolve(text));
        });
        asking.on('error', reject).end();
      });
    }
  });
}

/** A text value of a serialized secret, found by the name before it. */
function textIn(blob: Buffer, field: string): string {
  const head = Buffer.concat([Buffer.from(field), Buffer.from('ffff6400640019ffff6500006600', 'hex')]);
  let at = blob.indexOf(head) + head.length;
  assert.ok(at >= head.length, `${field} is in the secret`);
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = blob[at++] as number;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return blob.subarray(at, at + length).toString();
}
