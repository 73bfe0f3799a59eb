import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { after, test } from 'node:test';
import { systemClock } from '../../../../base/clock.ts';
import { LakeError } from '../../../../base/errors.ts';
import { scramClient } from '../../../support/scram-client.ts';
import {
  cstring,
  fieldsOf,
  frontend,
  int32,
  startupMessage,
  WireClient,
  type WireError,
  type WireOptions,
} from '../../../support/wire-client.ts';
import { startWireServer, testPassword, type WireServer, type WireServerOptions } from '../../../support/wire-server.ts';

const sslRequest = Buffer.concat([int32(8), int32(80877103)]);
const gssRequest = Buffer.concat([int32(8), int32(80877104)]);
const server = await startWireServer();
after(() => server.close());

async function dial(options: WireOptions = server.options): Promise<Socket> {
  const socket = connect(options.port, options.host);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Everything until the server closes, or `count` bytes. */
async function read(socket: Socket, count = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for (;;) {
    const data = socket.read() as Buffer | null;
    if (data) {
      parts.push(data);
      length += data.length;
    }
    if (length >= count || socket.readableEnded || socket.destroyed) return Buffer.concat(parts);
    if (!data) await Promise.race([once(socket, 'readable').catch(() => undefined), once(socket, 'close')]);
  }
}

function fatal(bytes: Buffer): Readonly<Record<string, string>> {
  assert.equal(bytes.toString('latin1', 0, 1), 'E', `an ErrorResponse, not ${bytes.toString('latin1')}`);
  return fieldsOf(bytes.subarray(5));
}

async function withServer(options: WireServerOptions, work: (server: WireServer) => Promise<void>): Promise<void> {
  const own = await startWireServer(options);
  try {
    await work(own);
  } finally {
    await own.close();
  }
}

test('logs in with SCRAM in the clear, after SSLRequest and by direct TLS', async () => {
  for (const tls of ['off', 'request', 'direct'] as const) {
    const client = await WireClient.logIn({ ...server.options, tls, ca: server.cert, host: 'localhost' });
    assert.deepEqual(await client.rows('SELECT 42'), [['42']], tls);
    assert.equal(client.parameters.get('client_encoding'), 'UTF8');
    assert.equal(client.backendKey.length, 8);
    await client.close();
  }
});

test('direct TLS without ALPN postgresql is refused', async () => {
  for (const protocols of [undefined, ['http/1.1']]) {
    const socket = await dial();
    const secure = connectTls({ socket, rejectUnauthorized: false, ...(protocols ? { ALPNProtocols: protocols } : {}) });
    const outcome = await Promise.race([
      once(secure, 'secureConnect').then(() => 'secure'),
      once(secure, 'error').then(
        () => 'refused',
        () => 'refused',
      ),
      once(secure, 'close').then(
        () => 'refused',
        () => 'refused',
      ),
    ]).catch(() => 'refused');
    if (outcome === 'secure') assert.equal(fatal(await read(secure))['C'], '08P01');
    else assert.deepEqual(protocols, ['http/1.1']);
  }
});

test('bytes in the clear after SSLRequest never reach the session', async () => {
  const socket = await dial();
  socket.write(Buffer.concat([sslRequest, startupMessage({ user: 'evil', database: 'x' })]));
  const fields = fatal(await read(socket));
  assert.equal(fields['C'], '08P01');
  assert.match(fields['M'] as string, /unencrypted data/);
});

test('GSSENCRequest is declined, and SSLRequest may follow; neither twice', async () => {
  const socket = await dial();
  socket.write(gssRequest);
  assert.equal((await read(socket, 1)).toString(), 'N');
  socket.write(gssRequest);
  assert.equal(fatal(await read(socket))['C'], '08P01');
  const second = await dial();
  second.write(gssRequest);
  await read(second, 1);
  second.write(sslRequest);
  assert.equal((await read(second, 1)).toString(), 'S');
  second.destroy();
});

test('a listener without a certificate declines SSLRequest; one that demands TLS refuses the clear', async () => {
  await withServer({ tls: null }, async ({ options }) => {
    const socket = await dial(options);
    socket.write(sslRequest);
    assert.equal((await read(socket, 1)).toString(), 'N');
    socket.destroy();
  });
  await withServer({ plainAllowed: false }, async ({ options }) => {
    await assert.rejects(
      WireClient.logIn({ ...options, tls: 'off' }),
      (error: WireError) => error.fields['C'] === '28000' && /sslmode=require/.test(error.fields['H'] ?? ''),
    );
    const client = await WireClient.logIn({ ...options, tls: 'request' });
    await client.close();
  });
});

test('a wrong password is 28P01 and FATAL, a missing database 3D000 after authentication', async () => {
  await assert.rejects(
    WireClient.logIn({ ...server.options, password: 'wrong' }),
    (error: WireError) => error.fields['C'] === '28P01' && error.fields['S'] === 'FATAL',
  );
  await assert.rejects(
    WireClient.logIn({ ...server.options, database: 'nowhere' }),
    (error: WireError) => error.fields['C'] === '3D000',
  );
});

test('SCRAM-SHA-256-PLUS binds to the certificate of this connection', async () => {
  const client = await WireClient.open({ ...server.options, tls: 'request', ca: server.cert, host: 'localhost' });
  client.send(startupMessage({ user: 'tester', database: 'test' }));
  const offer = await client.receive();
  assert.ok(offer?.body.toString().includes('SCRAM-SHA-256-PLUS'));
  const binding = createHash('sha256').update(new X509Certificate(server.cert).raw).digest();
  const scram = scramClient('sha256', testPassword, 'tester', binding);
  const first = scram.first();
  client.send(frontend('p', cstring('SCRAM-SHA-256-PLUS'), int32(first.length), first));
  const challenge = await client.receive();
  client.send(frontend('p', scram.final(challenge?.body.subarray(4) as Buffer)));
  const last = await client.receive();
  scram.verify(last?.body.subarray(4) as Buffer);
  assert.equal((await client.receiveUntil('Z')).at(-1)?.type, 'Z');
  await client.close();
});

test('PLUS is not offered in the clear, and an unknown mechanism is a violation', async () => {
  const client = await WireClient.open(server.options);
  client.send(startupMessage({ user: 'tester', database: 'test' }));
  const offer = await client.receive();
  assert.equal(offer?.body.subarray(4).toString(), 'SCRAM-SHA-256\0\0');
  client.send(frontend('p', cstring('SCRAM-SHA-256-PLUS'), int32(0)));
  assert.equal(fieldsOf((await client.receive())?.body as Buffer)['C'], '08P01');
  client.destroy();
});

test('a token is taken as cleartext password where the listener says so', async () => {
  const authenticator = {
    token: async (user: string, token: string) => {
      if (token !== 'let me in') throw new LakeError('invalid_password', 'no');
      return { id: 'pod', name: user, kind: 'pod' as const, superuser: false, rights: new Map() };
    },
  };
  await withServer({ authentication: { t: 'token', authenticator }, tls: null }, async ({ options }) => {
    for (const [token, last] of [
      ['let me in', 'Z'],
      ['wrong', 'E'],
    ] as const) {
      const client = await WireClient.open(options);
      client.send(startupMessage({ user: 'pod', database: 'x' }));
      assert.equal((await client.receive())?.body.readInt32BE(0), 3);
      client.send(frontend('p', cstring(token)));
      assert.equal((await client.receiveUntil(last)).at(-1)?.type, last);
      client.destroy();
    }
  });
});

test('a newer protocol and unknown protocol options are negotiated; 3.2 has long cancel keys', async () => {
  const cases = [
    { version: 0x0003_0002, options: {}, answer: null, keyBytes: 32 },
    { version: 0x0003_270f, options: {}, answer: [0x0003_0002, []], keyBytes: 32 },
    { version: 0x0003_0000, options: { '_pq_.magic': '1' }, answer: [0x0003_0000, ['_pq_.magic']], keyBytes: 4 },
  ] as const;
  for (const { version, options, answer, keyBytes } of cases) {
    const client = await WireClient.open({ ...server.options });
    client.send(startupMessage({ user: 'tester', database: 'test', ...options }, version));
    let message = await client.receive();
    if (answer) {
      assert.equal(message?.type, 'v');
      assert.equal(message?.body.readInt32BE(0), answer[0]);
      assert.equal(message?.body.readInt32BE(4), answer[1].length);
      message = await client.receive();
    }
    assert.equal(message?.type, 'R');
    const scram = scramClient('sha256', testPassword);
    const first = scram.first();
    client.send(frontend('p', cstring('SCRAM-SHA-256'), int32(first.length), first));
    client.send(frontend('p', scram.final((await client.receive())?.body.subarray(4) as Buffer)));
    const key = (await client.receiveUntil('Z')).find((one) => one.type === 'K');
    assert.equal(key?.body.length, 4 + keyBytes);
    await client.close();
  }
});

test('protocol 2, lengths out of range and a missing user end the connection with a reason', async () => {
  const cases: [Buffer, string][] = [
    [Buffer.concat([int32(8), int32(0x0002_0000)]), '0A000'],
    [int32(10_001), '08P01'],
    [int32(7), '08P01'],
    [int32(-1), '08P01'],
    [startupMessage({ database: 'x' }), '28000'],
    [Buffer.concat([int32(12), int32(196608), Buffer.from('user')]), '08P01'],
    [Buffer.concat([int32(12), int32(80877102), int32(1)]), '08P01'],
  ];
  for (const [bytes, code] of cases) {
    const socket = await dial();
    socket.write(bytes);
    assert.equal(fatal(await read(socket))['C'], code, bytes.toString('hex'));
  }
});

test('who does not log in within the deadline is let go, and a flood from one address is cut', async () => {
  await withServer({ limits: { handshakeMsMax: 100, unauthenticatedPerAddressMax: 2 } }, async ({ options, listener }) => {
    const [first, second] = [await dial(options), await dial(options)];
    await sleep(20);
    assert.equal(listener.counts.unauthenticated, 2);
    const third = await dial(options);
    assert.equal((await read(third)).length, 0);
    await Promise.all([read(first as Socket), read(second as Socket)]);
    await sleep(20);
    assert.equal(listener.counts.unauthenticated, 0);
    const client = await WireClient.logIn(options);
    await sleep(150);
    assert.deepEqual(await client.rows('SELECT 1'), [['1']], 'a session outlives the deadline');
    await client.close();
  });
});

test('past the maximum a client is told so', async () => {
  await withServer({ limits: { connectionsMax: 2, superuserConnectionsReserved: 1 } }, async ({ options, listener }) => {
    const clients = [await WireClient.logIn(options), await WireClient.logIn(options)];
    await assert.rejects(WireClient.logIn(options), (error: WireError) => error.fields['C'] === '53300');
    for (const client of clients) await client.close();
    await sleep(50);
    assert.equal(listener.counts.sessions, 0);
    await (await WireClient.logIn(options)).close();
  });
});

test('CancelRequest interrupts the query of its key, in the clear and over TLS; a wrong key does nothing', async () => {
  const elsewhere: number[] = [];
  await withServer({ cancelElsewhere: (processId) => void elsewhere.push(processId) }, async ({ options }) => {
    const client = await WireClient.logIn(options);
    const slow = 'SELECT count(*) FROM range(100000000000) a, range(100000) b';
    for (const tls of [false, true]) {
      const answer = client.query(slow);
      await sleep(50);
      const wrong = Buffer.from(client.backendKey);
      wrong.writeInt32BE(wrong.readInt32BE(4) ^ 1, 4);
      for (const key of [wrong, client.backendKey]) {
        const request = Buffer.concat([int32(16), int32(80877102), key]);
        let socket: Socket | TLSSocket = await dial(options);
        if (tls) {
          socket.write(sslRequest);
          await read(socket, 1);
          socket = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols: ['postgresql'] });
          await once(socket, 'secureConnect');
        }
        socket.write(request);
        assert.equal((await read(socket)).length, 0, 'no answer');
        if (key === wrong) {
          const early = await Promise.race([answer.then(() => 'ended'), sleep(50).then(() => 'runs')]);
          assert.equal(early, 'runs', 'a wrong key cancels nothing');
        }
      }
      const error = (await answer).find((message) => message.type === 'E');
      assert.equal(fieldsOf(error?.body as Buffer)['C'], '57014');
      assert.deepEqual(await client.rows('SELECT 1'), [['1']], 'the session goes on');
    }
    const stranger = await dial(options);
    stranger.write(Buffer.concat([int32(16), int32(80877102), int32(client.backendKey.readInt32BE(0) ^ 1), int32(1)]));
    await read(stranger);
    assert.deepEqual(elsewhere, [client.backendKey.readInt32BE(0) ^ 1]);
    await client.close();
  });
});

test('a relay gets the stream after AuthenticationOk, and what was read but not used', async () => {
  await withServer(
    {
      relay: async () => ({
        t: 'relay',
        run: async (stream, head) => {
          stream.write(head);
          stream.on('data', (data: Buffer) => stream.write(data));
          stream.resume();
          await once(stream, 'close');
        },
      }),
    },
    async ({ options }) => {
      const client = await WireClient.open({ ...options });
      client.send(startupMessage({ user: 'tester', database: 'relayed' }));
      await client.receive();
      const scram = scramClient('sha256', testPassword);
      const first = scram.first();
      client.send(frontend('p', cstring('SCRAM-SHA-256'), int32(first.length), first));
      const final = scram.final((await client.receive())?.body.subarray(4) as Buffer);
      // A client that does not wait: the message after the proof arrives with it.
      client.send(frontend('p', final), frontend('Q', cstring('early')));
      assert.equal((await client.receive())?.body.readInt32BE(0), 12);
      assert.equal((await client.receive())?.body.readInt32BE(0), 0);
      assert.equal((await client.receive())?.body.toString(), 'early\0');
      client.send(frontend('Q', cstring('late')));
      assert.equal((await client.receive())?.body.toString(), 'late\0');
      client.destroy();
    },
  );
});

test('closing the listener tells idle and busy sessions 57P01', async () => {
  const own = await startWireServer();
  const idle = await WireClient.logIn(own.options);
  const busy = await WireClient.logIn(own.options);
  const running = busy.query('SELECT count(*) FROM range(100000000000) a, range(100000) b');
  await sleep(50);
  const began = systemClock.monotonic();
  await own.listener.close(3000);
  assert.ok(systemClock.monotonic() - began < 2500, 'sessions end by themselves');
  for (const messages of [await idle.receiveUntil('E'), await running]) {
    const error = messages.find((message) => message.type === 'E');
    assert.equal(fieldsOf(error?.body as Buffer)['C'], '57P01');
    assert.equal(fieldsOf(error?.body as Buffer)['S'], 'FATAL');
  }
  assert.equal(await idle.receive(), null);
  await own.close();
});

// Waiting for the rest used to attach a new 'readable' listener each time, which fires at once when a part is already
// there: two bytes and silence kept the event loop busy until the handshake deadline.
test('a half-sent startup packet costs the event loop nothing', async () => {
  const socket = await dial();
  for (const part of [Buffer.from([0, 0]), Buffer.from([0, 40, 0, 3, 0])]) {
    socket.write(part);
    await sleep(20);
    const before = performance.eventLoopUtilization();
    await sleep(200);
    assert.ok(performance.eventLoopUtilization(before).utilization < 0.5);
  }
  socket.destroy();
});
