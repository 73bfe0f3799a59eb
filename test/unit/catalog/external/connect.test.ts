/** Logging in to servers that refuse, lie, fall silent or ask for too much. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { systemClock as clock } from '../../../../base/clock.ts';
import { systemRandom as random } from '../../../../base/random.ts';
import { connect } from '../../../../catalog/external/connect.ts';
import { message, text } from '../../../../catalog/external/message.ts';
import type { SslMode } from '../../../../catalog/external/url.ts';

const login = { user: 'someone', password: 'geheim' };
const auth = (code: number, rest: Buffer = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(4);
  head.writeInt32BE(code, 0);
  return message('R', Buffer.concat([head, rest]));
};
const greeting = Buffer.concat([
  message('S', Buffer.concat([text('server_version'), text('15.5')])),
  message('K', Buffer.from([0, 0, 0, 9, 1, 2, 3, 4])),
  message('Z', Buffer.from('I')),
]);

/** What a client gets from a server that answers its n-th chunk with the n-th reply. */
async function against(
  replies: readonly (Buffer | 'end' | 'silence' | ((got: Buffer) => Buffer))[],
  sslMode: SslMode = 'disable',
) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    let at = 0;
    socket.on('error', () => undefined);
    socket.on('data', (got) => {
      const reply = replies[at++];
      if (reply === 'end') socket.end();
      else if (reply !== undefined && reply !== 'silence') socket.write(typeof reply === 'function' ? reply(got) : reply);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    return await connect(
      { server: { host: '127.0.0.1', port, admin: login, adminDatabase: 'x', sslMode, connectMsMax: 1_000 }, clock, random },
      { login, database: 'x' },
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

test('MD5 and clear passwords are answered on loopback, and the greeting is kept', async () => {
  const md5 = (...parts: (string | Buffer)[]): string =>
    parts.reduce((sum, part) => sum.update(part), createHash('md5')).digest('hex');
  const salt = Buffer.from([1, 2, 3, 4]);
  const connected = await against([
    auth(5, salt),
    (got) => {
      assert.equal(got.toString('utf8', 5, got.length - 1), `md5${md5(md5('geheim', 'someone'), salt)}`);
      return Buffer.concat([auth(0), greeting, Buffer.from('more')]);
    },
  ]);
  assert.deepEqual([connected.processId, [...connected.secretKey], connected.rest.toString()], [9, [1, 2, 3, 4], 'more']);
  assert.ok(connected.greeting.equals(greeting));
  const clear = await against([
    auth(3),
    (got) => {
      assert.equal(got.toString('utf8', 5), 'geheim\0');
      return Buffer.concat([auth(0), greeting]);
    },
  ]);
  assert.equal(clear.processId, 9);
});

test('a server that is not what it should be is left, with an error that names neither address nor password', async () => {
  const sasl = auth(10, Buffer.from('SCRAM-SHA-256\0\0'));
  const error = (fields: string): Buffer => message('E', Buffer.from(`${fields}\0\0`));
  const cases: readonly [string, Parameters<typeof against>[0], SslMode, string, RegExp][] = [
    ['closes', ['end'], 'disable', 'store_unavailable', /cannot be reached/],
    ['is silent', ['silence'], 'disable', 'store_unavailable', /cannot be reached/],
    ['has no TLS', [Buffer.from('N')], 'require', 'store_unavailable', /offers no TLS/],
    ['slips bytes before TLS', [Buffer.from('Sx')], 'prefer', 'store_unavailable', /offers no TLS/],
    ['says N and more', [Buffer.from('NR')], 'prefer', 'store_unavailable', /offers no TLS/],
    ['announces a gigabyte', [Buffer.from([0x52, 0x3f, 0xff, 0xff, 0xff])], 'disable', 'store_unavailable', /does not speak/],
    ['speaks HTTP', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], 'disable', 'store_unavailable', /does not speak/],
    ['breaks SCRAM off', [sasl, Buffer.concat([auth(0), greeting])], 'disable', 'invalid_password', /broke off SCRAM/],
    ['lies in SCRAM', [sasl, auth(11, Buffer.from('r=evil,s=AAAA,i=1'))], 'disable', 'invalid_password', /did not keep to SCRAM/],
    ['wants another way', [auth(7)], 'disable', 'invalid_authorization', /not known here \(7\)/],
    ['refuses', [error('SFATAL\0C28P01\0Mno')], 'disable', 'invalid_password', /says: no/],
    ['is full', [error('SFATAL\0C53300\0Mfull')], 'disable', 'too_many_connections', /says: full/],
  ];
  for (const [what, replies, sslMode, code, words] of cases)
    await assert.rejects(
      against(replies, sslMode),
      (thrown: Error & { code?: string; hint?: string }) => {
        assert.equal(thrown.code, code, what);
        assert.match(thrown.message, words, what);
        assert.doesNotMatch(`${thrown.message} ${thrown.hint}`, /geheim|127\.0\.0\.1/, what);
        return true;
      },
      what,
    );
});

test('no server is there', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const target = { host: '127.0.0.1', port, admin: login, adminDatabase: 'x', sslMode: 'prefer', connectMsMax: 1_000 } as const;
  await assert.rejects(connect({ server: target, clock, random }, { login, database: 'x' }), {
    code: 'store_unavailable',
    retriable: true,
  });
});
