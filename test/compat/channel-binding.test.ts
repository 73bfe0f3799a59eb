/** SCRAM-SHA-256-PLUS with libpq on a real pod: a login is bound to the TLS connection, so that nobody can stand between with a certificate of their own. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls, TLSSocket, createSecureContext } from 'node:tls';
import { needsClient, psql, python } from '../support/clients.ts';
import { type Pod, startPod } from '../support/pod.ts';
import { selfSigned } from '../support/wire-server.ts';

const sslRequest = Buffer.from([0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]);

/** Ends the client's TLS with a certificate of its own and opens another to the pod, passing on what it reads. */
async function startInterceptor(pod: Pod): Promise<{ readonly port: number; readonly read: () => number; close(): void }> {
  const { context } = selfSigned();
  let bytes = 0;
  const server = createServer(async (client: Socket) => {
    client.on('error', () => undefined);
    await once(client, 'readable');
    client.read(8);
    client.write('S');
    const inside = new TLSSocket(client, { isServer: true, secureContext: context });
    const upstream = connect(pod.pgwire);
    upstream.on('error', () => undefined);
    upstream.write(sslRequest);
    await once(upstream, 'readable');
    upstream.read(1);
    const outside = connectTls({ socket: upstream, secureContext: createSecureContext(), rejectUnauthorized: false });
    for (const one of [inside, outside]) one.on('error', () => client.destroy());
    inside.on('data', (data) => {
      bytes += data.length;
    });
    inside.pipe(outside).pipe(inside);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, read: () => bytes, close: () => void server.close() };
}

test('psql and psycopg that require channel binding log in', async (t) => {
  if (!needsClient(t, 'psql') || !needsClient(t, 'python')) return;
  const pod = await startPod();
  try {
    const environment = { PGCHANNELBINDING: 'require', PGPASSWORD: pod.password };
    const ran = await psql(pod, ['-Atc', 'SELECT 42'], { environment });
    assert.equal(ran.stdout, '42\n', ran.stderr);
    const other = await python(pod, "import psycopg; print(psycopg.connect().execute('SELECT 42').fetchone()[0])", {
      environment,
    });
    assert.equal(other.stdout, '42\n', other.stderr);

    // The interceptor is what makes the difference: without binding (and without a look at the certificate) it gets through.
    const interceptor = await startInterceptor(pod);
    try {
      const between = { PGPORT: String(interceptor.port), PGSSLMODE: 'require', PGSSLROOTCERT: '', PGPASSWORD: pod.password };
      const careless = await psql(pod, ['-Atc', 'SELECT 42'], { environment: { ...between, PGCHANNELBINDING: 'disable' } });
      assert.equal(careless.stdout, '42\n', careless.stderr);
      assert.ok(interceptor.read() > 0, 'it reads along');
      for (const channelBinding of ['require', 'prefer']) {
        const bound = await psql(pod, ['-Atc', 'SELECT 42'], { environment: { ...between, PGCHANNELBINDING: channelBinding } });
        assert.notEqual(bound.code, 0, channelBinding);
        assert.match(bound.stderr, /SCRAM channel binding check failed|password authentication failed|channel binding/i);
      }
    } finally {
      interceptor.close();
    }
  } finally {
    await pod.stop();
  }
});
