/** The rules of the election, one by one: what a simulation finds only by luck. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Context,
  type ElectionEffect,
  type ElectionEvent,
  type ElectionState,
  type Found,
  holdsLease,
  initialState,
  mayFence,
  step,
  wakeAt,
} from '../../../../cluster/election/state.ts';
import { encodeLeader, type LeaderRecord, parseLeader } from '../../../../cluster/leader-record.ts';
import { electionTimes } from '../../../../cluster/limits.ts';

const times = electionTimes({ heartbeatMs: 2_000, staleMs: 10_000, hasLease: true });
const me = { node: 'pod-1', stamp: '1'.repeat(32), host: 'pod-1', port: 8444 };
const other: LeaderRecord = {
  epoch: 3,
  node: 'pod-0',
  stamp: '0'.repeat(32),
  beat: 7,
  phase: 'leading',
  host: 'pod-0',
  port: 8444,
  watch: [],
  preferred: null,
};

/** A machine with its clock and what it wants done. */
class Machine {
  state: ElectionState = initialState(0);
  now = 0;
  effects: readonly ElectionEffect[] = [];
  readonly context: Context;

  constructor(context: Partial<Context> = {}) {
    this.context = { me, times, chance: 0, ...context };
    this.on({ t: 'wake' });
  }

  on(event: ElectionEvent): this {
    ({ state: this.state, effects: this.effects } = step(this.state, event, this.now, this.context));
    return this;
  }

  at(now: number): this {
    this.now = now;
    return this;
  }

  wants(t: ElectionEffect['t']): boolean {
    return this.effects.some((effect) => effect.t === t);
  }

  /** The text of the write that is wanted. */
  get written(): string {
    const write = this.effects.find((effect) => effect.t === 'write');
    assert.ok(write?.t === 'write', `no write is wanted but ${JSON.stringify(this.effects)}`);
    return write.text;
  }

  /** Looks, and is shown this. */
  sees(record: LeaderRecord | null, answeredAt = this.now): this {
    if (!this.state.call) this.on({ t: 'wake' });
    assert.ok(this.state.call, 'it does not look');
    return this.at(answeredAt).on({ t: 'read', found: record && found(record) });
  }

  /** Becomes the leader of epoch 4. */
  leads(): this {
    this.sees({ ...other, phase: 'left' });
    if (this.state.readAhead.t === 'under-way') this.on({ t: 'prepared', epoch: 3 });
    this.on({ t: 'wrote' });
    assert.ok(this.wants('fence'));
    this.on({ t: 'fenced', epoch: 4 });
    assert.ok(this.wants('lead'));
    return this;
  }
}

function found(record: LeaderRecord): Found {
  return { text: encodeLeader(record), record };
}

test('silence is counted from the answer that first showed the heartbeat, and needs a look sent after the stale time', () => {
  const machine = new Machine();
  machine.sees(other, 900); // asked at 0, answered at 900
  machine.at(10_500).on({ t: 'wake' });
  assert.ok(machine.state.call, 'watchers look');
  machine.sees(other, 10_950); // sent 9,600 ms after the first sight: says nothing about the last 400
  assert.equal((machine.state.role as { claimAt?: number | null }).claimAt, null);
  assert.ok(machine.state.call, 'it looks again at once');
  machine.sees(other, 11_010);
  assert.equal((machine.state.role as { claimAt?: number | null }).claimAt, 11_010);
});

test('every change of the heartbeat begins the count anew, whatever clock its writer has', () => {
  const machine = new Machine();
  for (let beat = 0; beat < 20; beat++) machine.at(beat * 9_000).sees({ ...other, beat });
  assert.equal((machine.state.role as { claimAt?: number | null }).claimAt, null);
});

test('the log is read ahead before anything is seized, and a damaged one deposes nobody', () => {
  const machine = new Machine();
  machine.sees(other);
  machine.at(5_000).sees(other);
  assert.ok(machine.wants('prepare'), 'half of the stale time is suspicious');
  machine.on({ t: 'prepare-failed' });
  machine.at(10_000).sees(other);
  assert.ok(machine.wants('prepare'), 'tried again');
  assert.equal(machine.state.role.t, 'following');
});

test('L1, L2: refused (412, 409) or unanswered, the object is read and the own text known again', () => {
  for (const answer of ['write-refused', 'write-unknown'] as const) {
    const machine = new Machine().leads();
    const heartbeat = machine.written;
    machine.at(500).on({ t: answer });
    assert.deepEqual(machine.effects, [{ t: 'read' }]);
    machine.at(900).on({ t: 'read', found: { text: heartbeat, record: parseLeader(heartbeat) } });
    assert.equal(machine.state.role.t === 'holding' && machine.state.role.text, heartbeat);
    // From its sending, not from the answer.
    assert.equal(machine.state.role.t === 'holding' && machine.state.role.confirmedAt, 0);
  }
});

test('L1: a conflict that landed nothing is sent again with the same bytes', () => {
  const machine = new Machine().leads();
  const heartbeat = machine.written;
  const before = machine.state.role.t === 'holding' ? machine.state.role.text : '';
  for (let k = 0; k < 5; k++) {
    machine.on({ t: 'write-refused' }).on({ t: 'read', found: { text: before, record: parseLeader(before) } });
    machine.at(wakeAt(machine.state) as number).on({ t: 'wake' });
    assert.equal(machine.written, heartbeat);
  }
  machine.on({ t: 'wrote' });
  assert.equal(machine.state.role.t === 'holding' && machine.state.role.stage, 'leading');
});

test('L4: a leader that slept past its lease answers nothing by itself, and goes when its place is taken', () => {
  const machine = new Machine().leads();
  machine.on({ t: 'wrote' });
  assert.ok(holdsLease(machine.state, 8_999, times));
  assert.ok(!holdsLease(machine.state, 9_000, times));
  machine.at(30_000).on({ t: 'wake' }).on({ t: 'write-refused' });
  machine.on({ t: 'read', found: found({ ...other, epoch: 5, phase: 'claiming' }) });
  assert.deepEqual(
    machine.effects.filter(({ t }) => t === 'demote'),
    [{ t: 'demote', why: 'seized' }],
  );
  assert.ok(!holdsLease(machine.state, 30_000, times));
});

test('a candidate that slept past its claim takes nothing from the log', () => {
  const machine = new Machine()
    .sees({ ...other, phase: 'left' })
    .on({ t: 'prepared', epoch: 3 })
    .on({ t: 'wrote' });
  assert.ok(machine.wants('fence'));
  assert.ok(mayFence(machine.state, 8_999, times));
  assert.ok(!mayFence(machine.state, 9_000, times));
});

test('an epoch that was led before is never led', () => {
  const machine = new Machine()
    .sees({ ...other, phase: 'left' })
    .on({ t: 'prepared', epoch: 3 })
    .on({ t: 'wrote' });
  assert.throws(() => machine.on({ t: 'fenced', epoch: 3 }), /was led before/);
});

test('a draining pod does not claim, and gives up what it is claiming', () => {
  const idle = new Machine().on({ t: 'eligible', is: false });
  idle.sees({ ...other, phase: 'left' });
  assert.ok(!idle.wants('prepare'));
  const fencing = new Machine()
    .sees({ ...other, phase: 'left' })
    .on({ t: 'prepared', epoch: 3 })
    .on({ t: 'wrote' });
  fencing.on({ t: 'eligible', is: false });
  assert.ok(fencing.wants('abandon'));
  assert.equal(parseLeader(fencing.written)?.phase, 'left');
});

test('after a step-down the preferred pod goes first, and the one that left goes last', () => {
  const claimAt = (preferred: string | null, stamp = other.stamp): number | null => {
    const machine = new Machine().sees({ ...other, phase: 'left', preferred, stamp });
    for (let tries = 0; tries < 5 && machine.state.role.t === 'following' && machine.state.role.claimAt === null; tries++)
      machine.at(wakeAt(machine.state) as number).sees({ ...other, phase: 'left', preferred, stamp });
    return machine.state.role.t === 'following' ? machine.state.role.claimAt : null;
  };
  assert.equal(claimAt('pod-1'), 0);
  assert.equal(claimAt('pod-2'), times.preferenceMs);
  assert.equal(claimAt(null, me.stamp), times.returnMs);
});

test('"left" is written only when everything is closed, and beats go on until then', () => {
  const machine = new Machine().leads();
  machine.on({ t: 'wrote' }).on({ t: 'step-down', preferred: 'pod-2' });
  assert.ok(machine.wants('close'));
  machine.at(2_000).on({ t: 'wake' });
  assert.equal(parseLeader(machine.written)?.phase, 'leading');
  machine.on({ t: 'wrote' }).at(2_500).on({ t: 'closed' });
  const left = parseLeader(machine.written);
  assert.deepEqual([left?.phase, left?.preferred], ['left', 'pod-2']);
  assert.ok(!holdsLease(machine.state, 2_500, times));
  machine.on({ t: 'wrote' });
  assert.deepEqual(
    machine.effects.filter(({ t }) => t === 'tell' || t === 'demote'),
    [
      { t: 'tell', preferred: 'pod-2' },
      { t: 'demote', why: 'left' },
    ],
  );
});

test('a demoted pod claims again only when what it led with is discarded', () => {
  const machine = new Machine().leads();
  machine.on({ t: 'wrote' }).on({ t: 'lost', isFenced: true });
  assert.ok(machine.wants('demote'));
  machine.sees({ ...other, phase: 'left', preferred: me.node });
  assert.ok(!machine.wants('prepare'));
  machine.on({ t: 'discarded' });
  assert.ok(machine.wants('prepare'));
});

test('where nothing is conditional there is no lease', () => {
  const machine = new Machine({ times: { ...times, hasLease: false } }).leads();
  machine.on({ t: 'wrote' });
  assert.ok(!holdsLease(machine.state, machine.now, { ...times, hasLease: false }));
});
