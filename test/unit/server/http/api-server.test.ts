import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { callLocalPod } from '../../../../server/http/local-client.ts';
import { type AdminPod, startAdminPod } from '../../../support/admin-pod.ts';

describe('REST API', () => {
  let pod: AdminPod;
  let token: string;
  before(async () => {
    pod = await startAdminPod();
    token = await pod.login();
  });
  after(() => pod.close());

  it('logs the superadmin in by password, shows the session, ends it', async () => {
    const opened = await pod.call('POST', '/auth/login', { body: { password: pod.password } });
    assert.equal(opened.status, 200);
    assert.match(opened.body.token, /^bs_session_/);
    const lasts = Date.parse(opened.body.expires_at) - Date.now();
    assert.ok(lasts > 3_500_000 && lasts <= 3_600_000, `about an hour, not ${lasts} ms`);
    const session = await pod.call('GET', '/auth/session', { token: opened.body.token });
    assert.deepEqual([session.body.user, session.body.admin], ['admin@localhost', true]);
    await pod.call('POST', '/auth/logout', { token: opened.body.token });
    const over = await pod.call('GET', '/api/v1/ducklakes', { token: opened.body.token });
    assert.deepEqual([over.status, over.body.error.code], [401, 'invalid_authorization']);
  });

  it('refuses wrong passwords, wrong names and no token, and tells nothing more', async () => {
    const wrong = await pod.call('POST', '/auth/login', { body: { password: 'wrong-password' } });
    const nobody = await pod.call('POST', '/auth/login', { body: { email: 'nobody@localhost', password: pod.password } });
    assert.equal(wrong.status, 401);
    assert.equal(wrong.body.error.message, nobody.body.error.message);
    assert.equal((await pod.call('GET', '/api/v1/users')).status, 401);
    assert.equal((await pod.call('GET', '/api/v1/users', { token: `bs_session_${'A'.repeat(43)}` })).status, 401);
  });

  it('makes, lists, shows and drops a ducklake', async () => {
    const made = await pod.call('POST', '/api/v1/ducklakes', { token, body: { name: 'sales' } });
    assert.equal(made.status, 201);
    assert.equal(made.body.access, 'owner');
    assert.equal(pod.initialised.at(-1)?.name, 'sales', 'DuckLake made its tables before the answer');
    assert.deepEqual(
      (await pod.call('GET', '/api/v1/ducklakes', { token })).body.ducklakes.map((lake: { name: string }) => lake.name),
      ['sales'],
    );
    const again = await pod.call('POST', '/api/v1/ducklakes', { token, body: { name: 'sales' } });
    assert.deepEqual([again.status, again.body.error.code], [409, 'duplicate_database']);
    assert.equal((await pod.call('GET', '/api/v1/ducklakes/sales', { token })).body.databases.metadata, 'sales__catalog');
    assert.equal((await pod.call('DELETE', '/api/v1/ducklakes/sales', { token })).status, 200);
    assert.equal((await pod.call('GET', '/api/v1/ducklakes/sales', { token })).status, 404);
  });

  it('does a request once when it comes twice with the same idempotency key', async () => {
    const headers = { 'idempotency-key': 'create-once-1' };
    const first = await pod.call('POST', '/api/v1/ducklakes', { token, body: { name: 'once' }, headers });
    const second = await pod.call('POST', '/api/v1/ducklakes', { token, body: { name: 'once' }, headers });
    assert.deepEqual([first.status, second.status], [201, 201]);
    assert.equal(first.body.id, second.body.id);
    const other = await pod.call('POST', '/api/v1/ducklakes', { token, body: { name: 'twice' }, headers });
    assert.deepEqual([other.status, other.body.error.code], [400, 'invalid_argument']);
  });

  it('shows the secret of a credential once, in strings for each tool', async () => {
    await pod.call('POST', '/api/v1/ducklakes', { token, body: { name: 'strings' } });
    const { status, body } = await pod.call('POST', '/api/v1/credentials', {
      token,
      body: { ducklake: 'strings', ttl: '30d', read_only: true, ca_path: '/home/me/ca.pem' },
    });
    assert.equal(status, 201);
    assert.match(body.password, /^[A-Za-z0-9]{28}$/);
    assert.equal(body.database, 'strings');
    assert.equal(
      body.uri,
      `postgresql://${body.user}:${body.password}@localhost:15432/strings?sslmode=verify-full&sslrootcert=%2Fhome%2Fme%2Fca.pem`,
    );
    assert.match(body.duckdb_attach, /^ATTACH 'ducklake:postgres:host=localhost port=15432 dbname=strings__catalog .*' AS cat$/);
    assert.match(
      body.psql,
      /^env PGPASSWORD=\S+ psql "host=localhost port=15432 dbname=strings user=\S+ sslmode=verify-full sslrootcert=\/home\/me\/ca\.pem"$/,
    );
    const days = (Date.parse(body.expires_at) - Date.now()) / 86_400_000;
    assert.ok(days > 29.9 && days < 30.1);
    const listed = await pod.call('GET', '/api/v1/credentials', { token });
    assert.ok(!JSON.stringify(listed.body).includes(body.password));
    assert.equal(listed.body.credentials.find((each: { user: string }) => each.user === body.user).read_only, true);
    assert.equal((await pod.call('DELETE', `/api/v1/credentials/${body.user}`, { token })).status, 200);
    assert.equal(await pod.control.findCredential(body.user), undefined);
  });

  it('refuses bad bodies with one clear line each', async () => {
    for (const [body, text] of [
      ['{"name":', /cannot be read/],
      [{ name: 'Bad Name' }, /lower-case letters/],
      [{ name: 'x__catalog' }, /__catalog/],
      [{ name: 'postgres' }, /reserved/],
      [{ name: 'ok', nonsense: 1 }, /nonsense/],
      [[], /JSON object/],
      [`{"name":"${'x'.repeat(70_000)}"}`, /too large/],
    ] as const) {
      const { status, body: answer } = await pod.call('POST', '/api/v1/ducklakes', { token, body });
      assert.ok(status >= 400 && status < 500, `${status} for ${JSON.stringify(body).slice(0, 50)}`);
      assert.match(answer.error.message, text);
      assert.ok(answer.error.request_id);
    }
  });

  it('describes every route that it serves, and serves every route that it describes', async () => {
    const { body: document } = await pod.call('GET', '/openapi.json');
    assert.equal(document.openapi, '3.1.0');
    let count = 0;
    for (const [path, methods] of Object.entries(document.paths as Record<string, object>)) {
      for (const method of Object.keys(methods)) {
        count++;
        const answer = await pod.call(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x'));
        assert.notEqual(answer.status, 404, `${method} ${path}`);
      }
    }
    assert.ok(count >= 15);
    const create = document.paths['/api/v1/ducklakes'].post;
    assert.deepEqual(create.requestBody.content['application/json'].schema.required, ['name']);
    assert.ok(create.responses['201'].content['application/json'].schema.properties.data_path);
  });

  it('answers on the local socket without a login, and lets nobody else open it', async () => {
    assert.equal(statSync(pod.socketPath).mode & 0o777, 0o600);
    const status = await callLocalPod<{ node: string }>(pod.socketPath, {
      method: 'GET',
      path: '/api/v1/pod/status',
      timeoutMs: 5000,
    });
    assert.equal(status.node, 'test-0');
    const made = await pod.call('POST', '/api/v1/credentials', { local: true, body: {} });
    assert.equal(made.body.owner, 'admin@localhost');
    assert.equal(made.body.ca_path, `${pod.directory}/ca.pem`);
    assert.equal(
      (await pod.call('POST', '/auth/login', { local: true, body: { password: pod.password } })).status,
      404,
      'passwords travel in TLS only',
    );
    assert.deepEqual(
      await callLocalPod(pod.socketPath, {
        method: 'POST',
        path: '/api/v1/pod/drain',
        body: { timeout_seconds: 1 },
        timeoutMs: 5000,
      }),
      { unfinished: 0 },
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(pod.stops, ['stopped'], 'stops after the answer');
    await assert.rejects(callLocalPod(`${pod.socketPath}.gone`, { method: 'GET', path: '/', timeoutMs: 1000 }), /no pod answers/);
  });

  it('ends with limits on guessing', async () => {
    let last = 0;
    for (let n = 0; n < 11; n++) last = (await pod.call('POST', '/auth/login', { body: { password: `guess-${n}` } })).status;
    assert.equal(last, 429);
    assert.equal(
      (await pod.call('POST', '/auth/login', { body: { password: pod.password } })).status,
      429,
      'the right one has to wait too',
    );
    assert.equal((await pod.call('GET', '/auth/session', { token })).status, 200, 'sessions go on');
  });
});
