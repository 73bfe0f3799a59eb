/** Whatever is asked and however it is cut, a client sees through the front what it would see without, and the worker hears what it must. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetadataFront } from '../../../server/metadata-front.ts';
import { SeededRandom } from '../../support/simulated-clock.ts';
import { scaled } from '../../support/tier.ts';

const begin = 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ';

function message(type: string, body: Buffer | string = ''): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(`${body}\0`) : body;
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(bytes.length + 4, 1);
  return Buffer.concat([head, bytes]);
}

const ready = (status: string): Buffer => message('Z', Buffer.from(status));

/** A server that answers each text in one way, and remembers what it was told. */
class Server {
  readonly heard: string[] = [];
  status = 'I';
  #pending = Buffer.alloc(0);

  feed(bytes: Buffer): Buffer {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const answers: Buffer[] = [];
    while (this.#pending.length >= 5) {
      const length = this.#pending.readInt32BE(1) + 1;
      if (this.#pending.length < length) break;
      const type = String.fromCharCode(this.#pending[0] as number);
      const body = this.#pending.subarray(5, length);
      this.#pending = this.#pending.subarray(length);
      answers.push(this.#answer(type, body.toString('latin1').replace(/\0$/, '')));
    }
    return Buffer.concat(answers);
  }

  #answer(type: string, text: string): Buffer {
    this.heard.push(`${type} ${text}`);
    if (type === 'P') return message('1', Buffer.alloc(0));
    if (type === 'S') return ready(this.status);
    if (text === begin) {
      const notice = this.status === 'T' ? message('N', 'already in progress') : Buffer.alloc(0);
      this.status = 'T';
      return Buffer.concat([notice, message('C', 'BEGIN'), ready('T')]);
    }
    if (text === 'COMMIT') this.status = 'I';
    if (text === 'wrong') return Buffer.concat([message('E', 'no'), ready(this.status)]);
    if (text === 'DISCARD ALL' && this.status === 'T') return Buffer.concat([message('E', 'in a transaction'), ready('T')]);
    const rows = text.startsWith('COPY') ? Array.from({ length: 3 }, (_, i) => message('d', `row ${i} Z\0\0\0\x05I`)) : [];
    return Buffer.concat([...rows, message('C', text), ready(this.status)]);
  }
}

function pieces(bytes: Buffer, random: SeededRandom, isCut: boolean): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = isCut ? at + random.between(1, 12) : bytes.length;
    cut.push(bytes.subarray(at, end));
    at = end;
  }
  return cut;
}

test('the answers are those of the worker, byte by byte, and it hears what it must in order', () => {
  const random = new SeededRandom(Number(process.env['SIMULATION_SEED'] ?? 3));
  const texts = ['SELECT 1', 'DISCARD ALL', begin, 'COMMIT', 'COPY x', 'INSERT', 'wrong', 'SELECT 10'];
  let saved = 0;
  for (let round = 0; round < scaled(60, 2_000); round++) {
    const [behind, alone] = [new Server(), new Server()];
    const front = new MetadataFront();
    const startup = Buffer.concat([message('S', 'server_version'), message('K', Buffer.alloc(8)), ready('I')]);
    const seen: Buffer[] = pieces(startup, random, random.isChosen(0.5)).map((piece) => front.worker(piece));
    const expected: Buffer[] = [startup];
    for (let step = 0; step < 60; step++) {
      const sent = Array.from({ length: random.isChosen(0.1) ? 3 : 1 }, () => {
        if (random.isChosen(0.08)) return Buffer.concat([message('P', 'SELECT 1'), message('S', Buffer.alloc(0))]);
        return message('Q', texts[random.between(0, texts.length - 1)] as string);
      });
      expected.push(alone.feed(Buffer.concat(sent)));
      for (const piece of pieces(Buffer.concat(sent), random, random.isChosen(0.2))) {
        const said = front.client(piece);
        if ('answer' in said) seen.push(said.answer);
        else for (const told of pieces(behind.feed(said.pass), random, random.isChosen(0.3))) seen.push(front.worker(told));
      }
      assert.deepEqual(Buffer.concat(seen), Buffer.concat(expected), `round ${round}, step ${step}`);
    }
    saved += alone.heard.length - behind.heard.length;
    // The last ones may still be held back.
    const must = (heard: readonly string[]): string[] =>
      heard.filter((text) => text !== 'Q SELECT 1' && text !== 'Q DISCARD ALL');
    const [told, all] = [must(behind.heard), must(alone.heard)];
    assert.deepEqual(told, all.slice(0, told.length));
    assert.ok(all.length - told.length <= 1);
  }
  assert.ok(saved > 100, `${saved} messages were answered without the worker`);
});

test('a refusal of what was answered already ends the session', () => {
  const front = new MetadataFront();
  front.worker(ready('I'));
  const ask = (text: string) => front.client(message('Q', text));
  assert.ok('pass' in ask('DISCARD ALL'));
  front.worker(Buffer.concat([message('C', 'DISCARD ALL'), ready('I')]));
  assert.ok('answer' in ask('DISCARD ALL'));
  assert.ok('pass' in ask('COPY x'));
  assert.throws(() => front.worker(message('E', 'no')), { code: 'internal' });
});

test('what is held back is bounded, whatever is asked again and again', () => {
  const front = new MetadataFront();
  front.worker(ready('I'));
  for (let i = 0; i < 1_000; i++) {
    const said = front.client(message('Q', 'DISCARD ALL'));
    if ('pass' in said) front.worker(Buffer.concat([message('C', 'DISCARD ALL'), ready('I')]));
  }
  const said = front.client(message('Q', 'COPY x'));
  assert.ok('pass' in said && said.pass.length < 100);
});
