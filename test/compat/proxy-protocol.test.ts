/** PROXY protocol in front of a real pod: psql and psycopg come through a gateway, and the pod sees who they are; nobody else may claim to be somebody. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { needsClient, psql, python, type Ran } from '../support/clients.ts';
import { type GatewayOptions, startGateway } from '../support/gateway.ts';
import { type Pod, startPod } from '../support/pod.ts';

const trusted = '127.0.0.2';
const text = 'PROXY TCP4 203.0.113.9 10.0.0.1 50000 5432\r\n';
const binary = Buffer.concat([
  Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
  Buffer.from([0x21, 0x21, 0, 36 + 5]),
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from([0xc3, 0x50, 0x15, 0x38]),
  Buffer.from([4, 0, 2, 1, 1]),
]);

describe('behind a gateway', () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod({ environment: { BOILSTREAM_PROXY_PROTOCOL_FROM: `192.0.2.0/24, ${trusted}` } });
  });
  after(() => pod.stop());

  async function through(options: Partial<GatewayOptions>, run: (environment: NodeJS.ProcessEnv) => Promise<Ran>): Promise<Ran> {
    const gateway = await startGateway({ to: pod.pgwire, header: text, localAddress: trusted, ...options });
    try {
      return await run({ PGPORT: String(gateway.port), PGPASSWORD: pod.password });
    } finally {
      gateway.close();
    }
  }
  const select = (environment: NodeJS.ProcessEnv): Promise<Ran> => psql(pod, ['-Atc', 'SELECT 40 + 2'], { environment });

  test('clients come through with both versions of the header, whole or in pieces', async (t) => {
    if (!needsClient(t, 'psql')) return;
    for (const header of [text, binary, 'PROXY UNKNOWN\r\n']) {
      for (const pieceBytes of [undefined, 1]) {
        const ran = await through({ header, ...(pieceBytes ? { pieceBytes } : {}) }, select);
        assert.equal(ran.stdout, '42\n', `${String(header)}: ${ran.stderr}`);
      }
    }
  });

  test('TLS without a question before it (sslnegotiation=direct) comes through too', async (t) => {
    if (!needsClient(t, 'python')) return;
    const ran = await through({ header: binary }, (environment) =>
      python(
        pod,
        "import psycopg; c = psycopg.connect(sslnegotiation='direct', channel_binding='require'); print(c.execute('SELECT 7').fetchone()[0])",
        { environment },
      ),
    );
    assert.equal(ran.stdout, '7\n', ran.stderr);
  });

  test('pg_stat_activity shows the client’s address', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const address = (environment: NodeJS.ProcessEnv): Promise<Ran> =>
      psql(pod, ['-Atc', 'SELECT client_addr FROM pg_stat_activity WHERE pid = pg_backend_pid()'], { environment });
    const ran = await through({}, address);
    assert.equal(ran.stdout, '203.0.113.9\n', ran.stderr);
    const direct = await psql(pod, ['-Atc', 'SELECT client_addr FROM pg_stat_activity WHERE pid = pg_backend_pid()']);
    assert.equal(direct.stdout, '127.0.0.1\n', direct.stderr);
  });

  test('a refused login is the client’s, not the gateway’s', async (t) => {
    if (!needsClient(t, 'psql')) return;
    const ran = await through({}, (environment) => select({ ...environment, PGPASSWORD: 'wrong' }));
    assert.match(ran.stderr, /password authentication failed/);
    const line = pod
      .log()
      .split('\n')
      .find((one) => one.includes('login refused'));
    assert.match(line ?? '', /"remoteAddress":"203\.0\.113\.9"/);
  });

  test('the HTTPS port behind the same gateway: a refused login there is the client’s too', async () => {
    const gateway = await startGateway({ to: pod.auth, header: binary, localAddress: trusted });
    try {
      const status = await new Promise((resolve, reject) => {
        const asked = request(
          `https://127.0.0.1:${gateway.port}/auth/login`,
          { method: 'POST', ca: readFileSync(pod.caPath), headers: { 'content-type': 'application/json' }, agent: false },
          (answer) => resolve(answer.resume().statusCode),
        );
        asked.on('error', reject);
        asked.end(JSON.stringify({ password: 'wrong' }));
      });
      assert.equal(status, 401);
      const line = pod.log().match(/.*"way":"rest".*login refused.*/)?.[0];
      assert.match(line ?? pod.log(), /"remoteAddress":"2001:db8:0:0:0:0:0:7"/);
    } finally {
      gateway.close();
    }
  });

  test('a header from elsewhere is refused, and so is a gateway that sends none', async (t) => {
    if (!needsClient(t, 'psql')) return;
    for (const header of [text, binary]) {
      const forged = await through({ header, localAddress: '127.0.0.3' }, select);
      assert.notEqual(forged.code, 0);
      assert.doesNotMatch(forged.stdout, /42/);
      const plain = await through({ header, localAddress: '127.0.0.3' }, (environment) =>
        select({ ...environment, PGSSLMODE: 'disable' }),
      );
      assert.match(plain.stderr, /PROXY protocol header from an address that may not send one/);
    }
    const bare = await through({ header: '' }, (environment) => select({ ...environment, PGSSLMODE: 'disable' }));
    assert.match(bare.stderr, /no PROXY protocol header that can be read/);
    const direct = await psql(pod, ['-Atc', 'SELECT 42']);
    assert.equal(direct.stdout, '42\n', direct.stderr);
  });
});
