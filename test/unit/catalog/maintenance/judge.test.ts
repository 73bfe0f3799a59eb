/** Which files may go, rule by rule (durability rules 14 to 16), each with the case that would break it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Candidate, type Floors, judge, type JudgeInput, nameOf } from '../../../../catalog/maintenance/judge.ts';

const hour = 3_600_000;
const day = 24 * hour;
const now = Date.UTC(2026, 5, 1);
const retention = 7 * day;

const calm: Floors = {
  keepSince: now - retention,
  relatives: [],
  ledSince: now - 30 * day,
  readerAgeMsMax: 6 * hour,
  writeTransactionMsMax: 6 * hour,
  marginMs: hour,
  oldestTransactionAt: null,
  epoch: 3,
  guarded: new Set(['a.parquet']),
};
const ripe = now - retention - hour;
const a = (over: Partial<Candidate> = {}): Candidate => ({
  path: '/data/a.parquet',
  kind: 'old',
  seenAt: ripe,
  condemned: null,
  ...over,
});
const condemnedAt = now - 60_000;
const doomedA = a({ condemned: { epoch: 3, at: condemnedAt } });

function look(over: Partial<Omit<JudgeInput, 'floors'>> & { floors?: Partial<Floors> } = {}) {
  const { floors, ...rest } = over;
  const known = rest.known ?? [];
  return judge({
    known,
    found: { old: known.filter(({ kind }) => kind === 'old').map(({ path }) => path), orphan: null },
    named: new Set(),
    condemnMax: 100,
    now,
    ...rest,
    floors: { ...calm, ...floors },
  });
}

test('a file goes in three looks: seen, condemned, deleted', () => {
  const seen = look({ found: { old: ['/data/a.parquet'], orphan: null } });
  assert.deepEqual(seen.candidates, [a({ seenAt: now })]);
  assert.equal(seen.wakeAt, now + retention + hour, 'and the look is repeated when it is ripe');
  const condemned = look({ known: [a()] });
  assert.deepEqual(condemned.candidates[0]?.condemned, { epoch: 3, at: now });
  assert.deepEqual(condemned.doomed, []);
  const doomed = look({ known: [doomedA] });
  assert.deepEqual(doomed.doomed, [doomedA]);
  assert.deepEqual(doomed.candidates, []);
});

test('rule 16: not while a state that can be restored may name it, however short the other waits', () => {
  const young = look({ known: [a({ seenAt: now - retention })] });
  assert.equal(young.candidates[0]?.condemned, null, 'the margin counts');
  assert.match(young.keeps.join(), /restores within the retention/);
  assert.equal(young.isChanged, false);
});

test('rule 14: an orphan waits for the longest transaction that may still name it', () => {
  const floors = { keepSince: now, readerAgeMsMax: 0 };
  const orphan = a({ kind: 'orphan', seenAt: now - 6 * hour });
  assert.equal(look({ known: [orphan], floors }).candidates[0]?.condemned, null);
  assert.notEqual(look({ known: [{ ...orphan, seenAt: now - 7 * hour }], floors }).candidates[0]?.condemned, null);
});

test('rule 14: what a commit has named meanwhile stays, at whichever look', () => {
  const named = new Set(['a.parquet']);
  for (const known of [a(), doomedA])
    assert.deepEqual(look({ known: [known], named }), { candidates: [], doomed: [], isChanged: true, keeps: [], wakeAt: null });
});

test('rule 14: only what this process guards under its own epoch is deleted; otherwise it is condemned anew', () => {
  const former = look({ known: [a({ condemned: { epoch: 2, at: condemnedAt } })] });
  assert.deepEqual([former.doomed, former.candidates[0]?.condemned], [[], { epoch: 3, at: now }]);
  const unguarded = look({ known: [doomedA], floors: { guarded: new Set() } });
  assert.deepEqual([unguarded.doomed, unguarded.candidates[0]?.condemned], [[], { epoch: 3, at: now }]);
});

test('a transaction that was open before keeps it: before it was seen, and before it was condemned', () => {
  const oldestTransactionAt = condemnedAt - 1;
  assert.deepEqual(look({ known: [doomedA], floors: { oldestTransactionAt } }).doomed, []);
  assert.deepEqual(
    look({ known: [doomedA], floors: { oldestTransactionAt: condemnedAt } }).doomed,
    [],
    'the same moment is not after',
  );
  assert.deepEqual(look({ known: [doomedA], floors: { oldestTransactionAt: condemnedAt + 1 } }).doomed, [doomedA]);
  assert.equal(look({ known: [a()], floors: { oldestTransactionAt: ripe - 1 } }).candidates[0]?.condemned, null);
  assert.match(look({ known: [a()], floors: { oldestTransactionAt: ripe - 1 } }).keeps.join(), /a transaction open since/);
});

test('rule 15: after a takeover nothing is deleted for the longest reader age', () => {
  const floors = { ledSince: now - 6 * hour + 1 };
  const held = look({ known: [doomedA], floors });
  assert.deepEqual(held.doomed, []);
  assert.equal(held.wakeAt, floors.ledSince + 6 * hour);
  assert.match(held.keeps.join(), /readers from before this pod's start/);
});

test('nothing is deleted while another lake has the same files', () => {
  const held = look({ known: [doomedA], floors: { relatives: ['sales_before'] } });
  assert.deepEqual(held.doomed, []);
  assert.match(held.keeps.join(), /sales_before/);
});

test('whatever holds files back, the look is repeated without anybody writing', () => {
  const held: Partial<Floors>[] = [{ oldestTransactionAt: ripe - 1 }, { relatives: ['other'] }, { ledSince: now }];
  for (const floors of held) {
    const { wakeAt } = look({ known: [a()], floors });
    assert.ok(wakeAt !== null && wakeAt > now && wakeAt <= now + day, JSON.stringify({ floors, wakeAt }));
  }
  assert.equal(look({ known: Array.from({ length: 3 }, (_, n) => a({ path: `/data/${n}` })), condemnMax: 1 }).wakeAt, now);
  assert.equal(look().wakeAt, null, 'nothing is held, nothing is to be done');
});

test('what a search does not find any more is forgotten; a look without a search forgets nothing', () => {
  const orphan = a({ kind: 'orphan' });
  assert.deepEqual(look({ known: [orphan], found: { old: [], orphan: [] } }).candidates, []);
  assert.equal(look({ known: [orphan], found: { old: [], orphan: null } }).candidates.length, 1);
});

test('one look condemns no more than it may', () => {
  const known = Array.from({ length: 5 }, (_, n) => a({ path: `/data/${n}.parquet` }));
  const verdict = look({ known, condemnMax: 2 });
  assert.equal(verdict.candidates.filter(({ condemned }) => condemned).length, 2);
  assert.equal(verdict.candidates.length, 5);
});

/** Seeded chance (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * A world of transactions that write files and commit or not, takeovers and looks, in which files are deleted as judge says.
 * Checked: no committed snapshot and no restorable state ever lacks a file, and no open reader does.
 */
function live(seed: number, breakRule: (floors: Floors) => Floors): string | null {
  const chance = seeded(seed);
  const pick = (most: number): number => Math.floor(chance() * most);
  const config = { retention: 40, reader: 10, writer: 15, margin: 3 };
  const alive = new Set<string>();
  /** File to when it was named: by the present state since `from`, until `to`. */
  const names = new Map<string, { from: number; to: number | null }>();
  const open: { since: number; file: string | null; reads: string[]; epoch: number }[] = [];
  let [known, guarded, epoch, ledSince, made]: [readonly Candidate[], ReadonlySet<string>, number, number, number] = [
    [],
    new Set(),
    1,
    0,
    0,
  ];
  let pending: { doomed: readonly Candidate[] } | null = null;
  for (let time = 0; time < 600; time++) {
    const what = chance();
    if (what < 0.25) {
      const file = chance() < 0.7 ? `/d/${made++}.parquet` : null;
      if (file) alive.add(file);
      open.push({ since: time, file, reads: [...names].filter(([, span]) => span.to === null).map(([name]) => name), epoch });
    } else if (what < 0.45 && open.length > 0) {
      const [mine] = open.splice(pick(open.length), 1) as [(typeof open)[number]];
      const isRefused =
        mine.epoch !== epoch || time - mine.since > config.writer || (mine.file !== null && guarded.has(nameOf(mine.file)));
      if (mine.file && !isRefused && chance() < 0.6) names.set(mine.file, { from: time, to: null });
    } else if (what < 0.55) {
      const live = [...names].filter(([, span]) => span.to === null);
      const [file, span] = live[pick(live.length)] ?? [];
      if (file && span) names.set(file, { ...span, to: time });
    } else if (what < 0.57) {
      // Takeover: sessions end, readers that hold a list of files go on for a while.
      epoch++;
      ledSince = time;
      guarded = new Set();
      pending = null;
    } else if (what < 0.9) {
      for (const { path } of pending?.doomed ?? []) alive.delete(path);
      pending = null;
      const scheduled = [...names].filter(([file, span]) => span.to !== null && alive.has(file)).map(([file]) => file);
      const orphans = [...alive].filter((file) => !names.has(file));
      const own = open.filter((each) => each.epoch === epoch).map(({ since }) => since);
      const verdict = judge({
        known,
        found: { old: scheduled, orphan: chance() < 0.5 ? orphans : null },
        named: new Set([...names].filter(([, span]) => span.to === null).map(([file]) => nameOf(file))),
        floors: breakRule({
          keepSince: time - config.retention,
          relatives: [],
          ledSince,
          readerAgeMsMax: config.reader,
          writeTransactionMsMax: config.writer,
          marginMs: config.margin,
          oldestTransactionAt: own.length === 0 ? null : Math.min(...own),
          epoch,
          guarded,
        }),
        condemnMax: 3,
        now: time,
      });
      known = verdict.candidates;
      guarded = new Set([...known.filter(({ condemned }) => condemned), ...verdict.doomed].map(({ path }) => nameOf(path)));
      pending = { doomed: verdict.doomed };
    }
    for (let i = open.length - 1; i >= 0; i--) {
      const reader = open[i] as (typeof open)[number];
      if (reader.epoch !== epoch && time - ledSince >= config.reader) open.splice(i, 1);
      else
        for (const file of reader.reads)
          if (!alive.has(file)) return `seed ${seed}, ${time}: a reader since ${reader.since} misses ${file}`;
    }
    for (const [file, span] of names)
      if (!alive.has(file) && (span.to === null || span.to > time - config.retention))
        return `seed ${seed}, ${time}: ${file} is named and gone`;
  }
  return null;
}

const seeds = Array.from({ length: 150 }, (_, n) => n + 1);

test('150 lives of a lake: nothing is deleted that a snapshot, a restore or a reader needs', () => {
  for (const seed of seeds)
    assert.equal(
      live(seed, (floors) => floors),
      null,
    );
});

test('each rule left out is found by those lives', () => {
  const broken: Record<string, (floors: Floors) => Floors> = {
    'the retention is ignored': (floors) => ({ ...floors, keepSince: Number.MAX_SAFE_INTEGER }),
    'open transactions are ignored': (floors) => ({
      ...floors,
      oldestTransactionAt: null,
      keepSince: Number.MAX_SAFE_INTEGER,
      readerAgeMsMax: 0,
    }),
    'orphans do not wait for writers': (floors) => ({
      ...floors,
      writeTransactionMsMax: 0,
      readerAgeMsMax: 0,
      oldestTransactionAt: null,
      keepSince: Number.MAX_SAFE_INTEGER,
      marginMs: 0,
    }),
    'a takeover is ignored': (floors) => ({
      ...floors,
      ledSince: -1_000_000,
      readerAgeMsMax: 0,
      keepSince: Number.MAX_SAFE_INTEGER,
      marginMs: 0,
    }),
  };
  for (const [rule, breakRule] of Object.entries(broken))
    assert.ok(
      seeds.some((seed) => live(seed, breakRule) !== null),
      `${rule}, and no life shows it`,
    );
});
