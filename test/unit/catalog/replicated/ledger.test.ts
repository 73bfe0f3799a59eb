/** The ledger proves that every object continues the log; a mismatch stops the restore with the object's name. */
import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import { test } from 'node:test';
import type { LakeError } from '../../../../base/errors.ts';
import { anchorOf } from '../../../../catalog/replicated/anchor.ts';
import { type Base, baseDigest } from '../../../../catalog/replicated/control.ts';
import { Ledger } from '../../../../catalog/replicated/ledger.ts';
import { digestOf, encodeLogObject, type Entry, genesisDigest, type LogObject } from '../../../../catalog/replicated/segment.ts';

const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const writer = Buffer.alloc(16, 1);
const base = (generation: number, mark = 'a'): Base => ({
  generation,
  file: [{ epoch: 1, sha256: mark.repeat(64), length: 4096 }],
  wal: [],
});

/** Builds a right log step by step; each part can be spoilt before it is fed. */
class Writer {
  readonly ledger = new Ledger({ verify: true });
  #previous: Buffer = genesisDigest;
  #epoch = 0;
  #seq = 0;
  readonly #hashes = new Map<string, { hash: Hash; end: number; generation: number }>();

  create(n: number, name = `db${n}`): Entry {
    this.#begin(uuid(n), base(1));
    return { t: 'control', control: { t: 'create', database: uuid(n), name, base: base(1) } };
  }

  rebase(n: number, generation: number): Entry {
    this.#begin(uuid(n), base(generation));
    return { t: 'control', control: { t: 'base', database: uuid(n), base: base(generation) } };
  }

  wal(n: number, text: string): Entry {
    const state = this.#hashes.get(uuid(n)) as { hash: Hash; end: number; generation: number };
    const bytes = Buffer.from(text);
    state.hash.update(bytes);
    const entry: Entry = {
      t: 'wal',
      database: uuid(n),
      generation: state.generation,
      start: state.end,
      bytes,
      digest: state.hash.copy().digest(),
    };
    state.end += bytes.length;
    return entry;
  }

  segment(...entries: Entry[]): LogObject {
    return { t: 'segment', epoch: this.#epoch, seq: ++this.#seq, time: 0, writer, previous: this.#previous, entries };
  }

  terminal(): LogObject {
    const object: LogObject = {
      t: 'terminal',
      epoch: this.#epoch,
      seq: this.#seq + 1,
      writer,
      time: 0,
      previous: this.#previous,
      successor: this.#epoch + 1,
    };
    this.#epoch++;
    this.#seq = 0;
    return object;
  }

  feed(object: LogObject, to = this.ledger): void {
    const bytes = encodeLogObject(object);
    this.#previous = Buffer.from(digestOf(bytes));
    to.apply(object, `log/${object.epoch}/${object.seq}`, digestOf(bytes));
  }

  #begin(database: string, b: Base): void {
    this.#hashes.set(database, { hash: createHash('sha256').update(baseDigest(database, b)), end: 0, generation: b.generation });
  }
}

function started(): Writer {
  const w = new Writer();
  w.feed(w.terminal());
  w.feed(w.segment(w.create(1)));
  w.feed(w.segment(w.wal(1, 'one')));
  return w;
}

const named = (name: string) => (error: LakeError) => error.code === 'corrupt' && error.message.includes(name);

test('a right log is taken', () => {
  const w = started();
  w.feed(w.segment(w.wal(1, 'two')));
  assert.equal(w.ledger.byName('db1')?.walEnd, 6);
  assert.deepEqual(w.ledger.next, { epoch: 1, seq: 4 });
});

test('A5, L5: an epoch that falls or repeats, and a number that jumps, are refused', () => {
  const w = started();
  const good = w.segment(w.wal(1, 'two'));
  assert.throws(() => w.feed({ ...good, epoch: 0 }), named('log/0/3'));
  assert.throws(() => w.feed({ ...good, seq: 2 }), named('log/1/2'));
  assert.throws(() => w.feed({ ...good, seq: 4 }), named('log/1/4'));
});

test('A3: bytes of another generation, place or base are refused, though DuckDB would open them', () => {
  const spoils: Array<(entry: Entry & { t: 'wal' }) => Entry> = [
    (entry) => ({ ...entry, generation: 2 }),
    (entry) => ({ ...entry, start: 0 }),
    (entry) => ({ ...entry, start: entry.start + 1 }),
    (entry) => ({ ...entry, database: uuid(2) }),
    (entry) => ({ ...entry, bytes: Buffer.from('TWO') }),
  ];
  for (const spoil of spoils) {
    const w = started();
    assert.throws(() => w.feed(w.segment(spoil(w.wal(1, 'two') as Entry & { t: 'wal' }))), named('log/1/3'));
  }
});

test('A3: WAL of the same file name and offsets but another snapshot is refused by its running digest', () => {
  const w = new Writer();
  w.feed(w.terminal());
  const create = w.create(1) as Entry & { t: 'control' };
  w.feed(w.segment({ t: 'control', control: { ...create.control, base: base(1, 'b') } as never }));
  assert.throws(() => w.feed(w.segment(w.wal(1, 'one'))), named('log/1/2'));
});

test('an object that follows another predecessor is refused', () => {
  const w = started();
  assert.throws(() => w.feed({ ...w.segment(w.wal(1, 'two')), previous: Buffer.alloc(32, 9) }), named('log/1/3'));
});

test('generations go up by one, databases are created once', () => {
  const w = started();
  assert.throws(() => w.feed(w.segment(w.rebase(1, 3))), named('log/1/3'));
  const v = started();
  assert.throws(() => v.feed(v.segment(v.create(1))), named('log/1/3'));
});

test('the floor is the oldest database with bytes behind its snapshot, and never falls back', () => {
  const w = started();
  w.feed(w.segment(w.create(2)));
  assert.deepEqual(w.ledger.floor(), { epoch: 1, seq: 1 });
  w.feed(w.segment(w.rebase(1, 2)));
  assert.deepEqual(w.ledger.floor(), { epoch: 1, seq: 4 }, 'nothing has bytes behind its snapshot');
  // A database that never had any gets its first bytes: what lies before them was free to be collected.
  w.feed(w.segment(w.wal(2, 'late')));
  assert.deepEqual(w.ledger.floor(), { epoch: 1, seq: 4 });
});

test('from an anchor only what lies behind its floor is read, and it must lead to what the anchor says', () => {
  const w = started();
  w.feed(w.segment(w.create(2)));
  const replayed: LogObject[] = [];
  const feed = (object: LogObject): void => {
    replayed.push(object);
    w.feed(object);
  };
  feed(w.segment(w.rebase(1, 2)));
  const floor = w.ledger.floor();
  feed(w.segment(w.wal(1, 'three'), w.wal(2, 'four')));
  const anchor = anchorOf(w.ledger);
  assert.deepEqual(anchor.floor, floor);
  const behind = replayed.slice(1);
  const restored = Ledger.fromAnchor(anchor);
  for (const object of behind) restored.apply(object, 'x', digestOf(encodeLogObject(object)));
  assert.equal(restored.isBelowAnchor, false);
  assert.deepEqual(
    [...restored.databases.values()].map((state) => [state.name, state.walEnd]),
    [
      ['db1', 5],
      ['db2', 4],
    ],
  );
  const other = Ledger.fromAnchor({
    ...anchor,
    databases: anchor.databases.map((state) => ({ ...state, walEnd: state.walEnd + 1 })),
  });
  assert.throws(
    () => {
      for (const object of behind) other.apply(object, 'x', digestOf(encodeLogObject(object)));
    },
    { code: 'corrupt' },
  );
});

test('what would not continue the log is noticed before it is written', () => {
  const w = started();
  const good = w.wal(1, 'two') as Entry & { t: 'wal' };
  for (const entry of [
    { ...good, start: 1 },
    { ...good, generation: 2 },
    { ...good, database: uuid(9) },
  ]) {
    assert.throws(() => w.ledger.check({ ...w.segment(entry), seq: 3 }), { code: 'internal' });
  }
  const object = { ...w.segment(good), seq: 3 };
  w.ledger.check(object);
  w.ledger.check({ ...object, entries: [good, w.create(2)] } as LogObject);
  assert.throws(() => w.ledger.check({ ...object, entries: [good, w.create(1)] } as LogObject), { code: 'corrupt' });
  assert.throws(() => w.ledger.check({ ...object, seq: 5 }), { code: 'internal' });
  assert.equal(w.ledger.byName('db2'), undefined, 'looking changes nothing');
});
