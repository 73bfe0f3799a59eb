/** A client's messages on their way to an external server: passed as they are, or replaced, however they are cut up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Guard } from '../../../../catalog/external/guard.ts';
import { message, text } from '../../../../catalog/external/message.ts';

/** What comes out when the bytes go in, cut into pieces of `size`. */
async function through(bytes: Buffer, size: number): Promise<{ out: Buffer; guard: Guard }> {
  const guard = new Guard();
  const out: Buffer[] = [];
  guard.on('data', (part: Buffer) => out.push(part));
  // The write's callback has the error too.
  guard.on('error', () => undefined);
  for (let at = 0; at < bytes.length; at += size)
    await new Promise<void>((resolve, reject) => {
      guard.write(bytes.subarray(at, at + size), (error) => (error ? reject(error) : resolve()));
    });
  return { out: Buffer.concat(out), guard };
}

const query = (sql: string): Buffer => message('Q', text(sql));
const parse = (name: string, sql: string): Buffer =>
  message('P', Buffer.concat([text(name), text(sql), Buffer.from([0, 1, 0, 0, 0, 20])]));

test('what is allowed arrives byte for byte, whatever the cuts', async () => {
  const sent = Buffer.concat([
    query('SELECT 1'),
    parse('s', 'SELECT $1'),
    message('B', Buffer.alloc(300, 7)),
    message('S', Buffer.alloc(0)),
    message('d', Buffer.alloc(70_000, 1)),
    message('d', Buffer.alloc(0)),
    message('c', Buffer.alloc(0)),
    message('X', Buffer.alloc(0)),
  ]);
  for (const size of [1, 4, 5, 6, 1000, sent.length]) {
    const { out, guard } = await through(sent, size);
    assert.ok(out.equals(sent), `cut at ${size}`);
    assert.equal(guard.isTerminated, true);
  }
});

test('what is refused becomes a statement that fails with the reason, under the same name', async () => {
  for (const size of [1, 1000]) {
    const { out } = await through(Buffer.concat([query('ALTER ROLE x SUPERUSER'), parse('mine', 'CREATE ROLE y')]), size);
    const shown = out.toString('latin1');
    assert.doesNotMatch(shown, /SUPERUSER|CREATE ROLE y/);
    assert.match(shown, /^Q[\s\S]{4}DO .*42501.*ALTER ROLE is not passed on/);
    assert.match(shown, /P[\s\S]{4}mine\0DO .*CREATE ROLE is not passed on[\s\S]*\$\0\0\0$/);
  }
});

test('a length that is a lie ends the connection before memory is taken', async () => {
  for (const bytes of [
    Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff, 0x41]),
    Buffer.from([0x50, 0xff, 0xff, 0xff, 0xff, 0x41]),
    Buffer.from([0x64, 0, 0, 0, 3, 0x41]),
    message('P', Buffer.from('no end')),
  ])
    await assert.rejects(through(bytes, 1), { code: 'protocol_violation' });
  await assert.rejects(through(message('F', Buffer.alloc(8)), 3), { code: 'feature_not_supported' });
});

test('no bytes make it fail otherwise', async () => {
  let seed = 42;
  const next = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed >>> 24;
  };
  for (let round = 0; round < 500; round++) {
    const bytes = Buffer.from(Array.from({ length: 64 }, (_, at) => (at % 9 > 0 && at % 9 < 4 ? 0 : next())));
    await through(bytes, 1 + (next() % 16)).catch((error: { code?: string }) =>
      assert.match(error.code ?? String(error), /^(protocol_violation|feature_not_supported)$/),
    );
  }
});
