/** Log objects as bytes: what is written is read, what is damaged is named, nothing else is ever thrown. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { LakeError } from '../../../../base/errors.ts';
import { decodeAnchor, encodeAnchor } from '../../../../catalog/replicated/anchor.ts';
import { decodeLogObject, encodeLogObject, type Segment } from '../../../../catalog/replicated/segment.ts';
import { summarizeFrames } from '../../../../catalog/replicated/wal-frames.ts';
import { SeededRandom } from '../../../support/simulated-clock.ts';
import { scaled } from '../../../support/tier.ts';

const database = '0123abcd-0123-4abc-8def-0123456789ab';
const random = new SeededRandom(7);
const chunk = { epoch: 3, sha256: 'ab'.repeat(32), length: 12_288 };
const base = { generation: 2, file: [chunk], wal: [] };
const segment: Segment = {
  t: 'segment',
  epoch: 3,
  seq: 41,
  time: 1_790_000_000_000,
  writer: random.bytes(16),
  previous: random.bytes(32),
  entries: [
    { t: 'wal', database, generation: 2, start: 17, bytes: random.bytes(300), digest: random.bytes(32) },
    { t: 'control', control: { t: 'create', database, name: 'Käse "x"', base } },
    { t: 'control', control: { t: 'base', database, base } },
    { t: 'control', control: { t: 'drop', database } },
  ],
};
const terminal = {
  t: 'terminal',
  epoch: 3,
  seq: 42,
  time: 1_790_000_000_001,
  writer: segment.writer,
  previous: segment.previous,
  successor: 4,
} as const;
const anchor = {
  position: { epoch: 3, seq: 41 },
  floor: { epoch: 2, seq: 9 },
  time: 1_790_000_000_000,
  digest: random.bytes(32),
  databases: [{ database, name: 'sales', base, since: { epoch: 2, seq: 9 }, walEnd: 317, digest: random.bytes(32) }],
};

test('segments, terminals and anchors come back as they were', () => {
  assert.deepEqual(decodeLogObject(encodeLogObject(segment), 'x'), segment);
  assert.deepEqual(decodeLogObject(encodeLogObject(terminal), 'x'), terminal);
  assert.deepEqual(decodeAnchor(encodeAnchor(anchor), 'x'), anchor);
});

test('R7: every single flipped bit and every truncation is noticed, with the name', () => {
  for (const bytes of [encodeLogObject(segment), encodeLogObject(terminal)]) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.throws(
        () => decodeLogObject(damaged, 'log/3/41'),
        (error: LakeError) => error.code === 'corrupt' && error.message.includes('log/3/41'),
      );
    }
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => decodeLogObject(bytes.subarray(0, length), 'x'), { code: 'corrupt' });
  }
});

test('hostile bytes behind a right checksum are corrupt, never anything else, and take no memory on trust', () => {
  const originals = [encodeLogObject(segment), encodeLogObject(terminal), encodeAnchor(anchor)];
  for (let i = 0; i < scaled(20_000, 500_000); i++) {
    const original = originals[random.between(0, 2)] as Buffer;
    const body = Buffer.from(original.subarray(0, original.length - 32));
    for (let n = random.between(1, 6); n > 0; n--) {
      const at = random.between(0, body.length - 1);
      if (random.isChosen(0.3)) body.fill(0xff, at, Math.min(at + 8, body.length));
      else body.writeUInt8(random.between(0, 255), at);
    }
    const cut = random.isChosen(0.2) ? body.subarray(0, random.between(0, body.length)) : body;
    const bytes = Buffer.concat([cut, createHash('sha256').update(cut).digest()]);
    for (const decode of [decodeLogObject, decodeAnchor]) {
      try {
        decode(bytes, 'x');
      } catch (error) {
        assert.ok(error instanceof LakeError && error.code === 'corrupt', String(error));
      }
    }
  }
});

test('WAL frames: random bytes are never taken for whole commits by accident, and never throw', () => {
  for (let i = 0; i < scaled(5_000, 200_000); i++) {
    const bytes = random.bytes(random.between(0, 200));
    const summary = summarizeFrames(
      (offset, length) => bytes.subarray(offset, offset + length),
      random.isChosen(0.5) ? 0 : random.between(0, bytes.length),
      bytes.length,
    );
    if (summary.frames > 0) assert.equal(summary.isWhole, false);
  }
});
