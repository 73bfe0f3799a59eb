import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { LakeError } from '../../../../base/errors.ts';
import { ByteBudget, Inbox, type Message } from '../../../../protocols/pgwire/codec.ts';
import { SeededRandom } from '../../../support/simulated-clock.ts';

const copyData = 0x64;
const query = 0x51;

function message(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = type;
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function inboxOf(stream: PassThrough | Socket): Inbox {
  return new Inbox(stream, { messageBytesMax: 1 << 20, bytesMax: 1 << 18, budget: new ByteBudget(1 << 24) });
}

/** Takes messages until `count` whole ones have come; the pieces of streamed ones are put together again. */
async function take(
  inbox: Inbox,
  ask: () => Message | null,
  done: () => boolean,
  each: (message: Message) => void,
): Promise<void> {
  while (!done()) {
    const next = ask();
    if (next) each(next);
    else if (inbox.ended) return;
    else await inbox.more();
  }
}

test('streamed messages arrive byte for byte in any cut, between whole ones', async () => {
  const chance = new SeededRandom(7);
  const below = (max: number): number => Math.floor(chance.fraction() * max);
  for (let round = 0; round < 10; round++) {
    const stream = new PassThrough();
    const inbox = inboxOf(stream);
    const sent: Buffer[] = [];
    const streamed: Buffer[] = [];
    const whole: string[] = [];
    for (let i = 0; i < 60; i++) {
      const isData = below(4) > 0;
      const body = Buffer.alloc(below(isData ? 30_000 : 300)).map(() => below(256)) as Buffer;
      sent.push(message(isData ? copyData : query, body));
      if (isData) streamed.push(body);
      else whole.push(body.toString('hex'));
    }
    const bytes = Buffer.concat(sent);
    const feeding = (async () => {
      for (let at = 0; at < bytes.length; ) {
        const end = at + 1 + below(round % 2 === 0 ? 40_000 : 900);
        // A copy: what is given to the stream is the reader's.
        stream.write(Buffer.from(bytes.subarray(at, end)));
        at = end;
        if (below(3) === 0) await new Promise(setImmediate);
      }
      stream.end();
    })();
    const got: Buffer[] = [];
    const others: string[] = [];
    await take(
      inbox,
      () => inbox.nextPiece(copyData),
      () => false,
      ({ type, body }) => {
        if (type === copyData) got.push(Buffer.from(body));
        else others.push(body.toString('hex'));
      },
    );
    await feeding;
    assert.deepEqual(others, whole);
    assert.ok(Buffer.concat(got).equals(Buffer.concat(streamed)), `round ${round}`);
  }
});

test('what is left of a streamed message is passed over when whole messages are wanted again', async () => {
  const stream = new PassThrough();
  const inbox = inboxOf(stream);
  const bytes = Buffer.concat([message(copyData, Buffer.alloc(1000, 1)), message(query, Buffer.from('next'))]);
  stream.write(bytes.subarray(0, 100));
  let piece: Message | null = null;
  await take(
    inbox,
    () => inbox.nextPiece(copyData),
    () => piece !== null,
    (got) => (piece = got),
  );
  assert.equal((piece as unknown as Message).body.length, 95);
  assert.equal(inbox.next(), null);
  stream.write(bytes.subarray(100, 600));
  await new Promise(setImmediate);
  assert.equal(inbox.next(), null);
  stream.write(bytes.subarray(600));
  await new Promise(setImmediate);
  assert.equal(inbox.next()?.body.toString(), 'next');
});

test('a streamed message over the limit is refused, and so is one of no length', () => {
  for (const [length, code] of [
    [(1 << 20) + 1, 'too_large'],
    [3, 'protocol_violation'],
  ] as const) {
    const stream = new PassThrough();
    const inbox = inboxOf(stream);
    const head = Buffer.from([copyData, 0, 0, 0, 0]);
    head.writeInt32BE(length, 1);
    stream.emit('data', head);
    assert.throws(
      () => inbox.nextPiece(copyData),
      (error: unknown) => error instanceof LakeError && error.code === code,
    );
  }
});

test('a whole message keeps its bytes while a COPY that came with it gives its own back', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  try {
    const inbox = inboxOf(socket);
    client.write(Buffer.concat([message(query, Buffer.from('parameters of a portal')), message(copyData, Buffer.alloc(100, 1))]));
    let kept: Message | null = null;
    await take(
      inbox,
      () => inbox.next(),
      () => kept !== null,
      (got) => (kept = got),
    );
    const { body } = kept as unknown as Message;
    assert.equal(inbox.nextPiece(copyData)?.body.length, 100);
    assert.equal(inbox.nextPiece(copyData), null);
    assert.equal(body.toString(), 'parameters of a portal');
    client.write(message(copyData, Buffer.alloc(100, 2)));
    let piece: Message | null = null;
    await take(
      inbox,
      () => inbox.nextPiece(copyData),
      () => piece !== null,
      (got) => (piece = got),
    );
    const { buffer } = (piece as unknown as Message).body;
    assert.equal(inbox.nextPiece(copyData), null);
    assert.equal(buffer.byteLength, 0, 'memory of data that was taken does not wait for the collector');
  } finally {
    client.destroy();
    socket.destroy();
    server.close();
  }
});
