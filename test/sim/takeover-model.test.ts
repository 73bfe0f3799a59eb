/**
 * The protocol of docs/spec/takeover.qnt, explored exhaustively within its bounds, and broken versions of it that the
 * exploration must notice.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needsClient, nodeClientsFolder } from '../support/clients.ts';
import { projectRoot } from '../support/pod.ts';
import { type Exploration, explore, readModel } from '../support/quint.ts';
import { isLong } from '../support/tier.ts';

const text = readModel(join(projectRoot, 'docs', 'spec', 'takeover.qnt'));
const invariants = ['ackedIsDurable', 'oneMayAnswer', 'readsAreFresh', 'epochsAreOwn'];
const witnesses = ['somebodyTookOver', 'deposedWhileWriting'];

/** The bounds of the model, replaced. */
function bounded(bounds: Readonly<Record<string, number>>, model = text): string {
  return Object.entries(bounds).reduce((now, [name, value]) => {
    const pattern = new RegExp(`pure val ${name} = \\d+`);
    assert.match(now, pattern);
    return now.replace(pattern, `pure val ${name} = ${value}`);
  }, model);
}

function exploreModel(model: string, statesMax?: number): Exploration {
  return explore({
    directory: nodeClientsFolder,
    text: model,
    invariants,
    witnesses,
    ...(statesMax === undefined ? {} : { statesMax }),
  });
}

test('within the bounds no state breaks a promise, and pods do take over and acknowledge', (t: TestContext) => {
  if (!needsClient(t, 'quint')) return;
  const bounds: Readonly<Record<string, number>> = isLong ? { TIME: 2, PLACES: 4, VERSIONS: 3 } : {};
  const { states, broken, witnessed, isComplete } = exploreModel(bounded(bounds), isLong ? 400_000 : undefined);
  t.diagnostic(`${states} states, ${isComplete ? 'all there are' : 'of more'}`);
  assert.deepEqual([...broken], []);
  assert.deepEqual([...witnessed].sort(), [...witnesses].sort());
  if (!isLong) assert.ok(isComplete);
});

interface Mutation {
  /** Text of the model, there exactly once, and what stands in its place. */
  readonly from: string;
  readonly to: string;
  readonly bounds?: Readonly<Record<string, number>>;
  /** Thousands of states have to be seen before it shows: for the long tier. */
  readonly isDeep?: boolean;
}

const mutations: Readonly<Record<string, Mutation>> = {
  'leads without a terminal': {
    from: 'role: if (me(p).role == "seizing") "fencing" else me(p).role',
    to: 'role: if (me(p).role == "seizing") "lead" else me(p).role',
  },
  'takes a refused terminal for its own': {
    from: 'else if (isTerminal(m)) become(p, after)',
    to: 'else if (isTerminal(m)) become(p, { ...after, role: "lead", epoch: epochAt(m.at + 1) })',
  },
  'acknowledges before the put': {
    from: 'writes: if (id > s.writes) id else s.writes',
    to: 'writes: if (id > s.writes) id else s.writes, acked: if (id > 0) s.acked.union(Set(id)) else s.acked',
  },
  'does not know its own heartbeat from another': {
    from: 'and s.object.by == p',
    to: 'or s.object.version > m.expected + 1',
  },
  'says that it left while it still answers': {
    from: 'send(p, "leaving", true)',
    to: 'send(p, "lead", true)',
    bounds: { TIME: 0, VERSIONS: 3, PLACES: 2, WRITES: 0 },
  },
  'takes a refused write for its own': {
    from: 'val isOwn = s.log[m.at] == m',
    to: 'val isOwn = s.log[m.at] == m or not(isTerminal(m))',
    isDeep: true,
  },
  'replaces the heartbeat of whoever leads': {
    from: 's.object.version == m.expected,\n',
    to: 's.object.version <= m.expected + 1,\n',
    isDeep: true,
  },
  'claims while the lease of the former leader holds': {
    from: 's.now >= me(p).since + STALE',
    to: 's.now >= me(p).since',
    isDeep: true,
  },
  'counts a heartbeat from its answer': { from: 'confirmed: m.began', to: 'confirmed: s.now', isDeep: true },
  'goes on taking the log after its claim has run out': {
    from: 's.now < me(p).confirmed + LEASE, place(p, 0)',
    to: 'place(p, 0)',
    isDeep: true,
  },
};

test('every broken version is noticed', async (t) => {
  for (const [name, { from, to, bounds = {}, isDeep = false }] of Object.entries(mutations)) {
    await t.test(name, (inner: TestContext) => {
      assert.equal(text.split(from).length, 2, 'what is replaced is not in the model once');
      if (isDeep && !isLong) return inner.skip('in the long tier: it takes thousands of states');
      if (!needsClient(inner, 'quint')) return;
      const { broken, states } = exploreModel(bounded(bounds, text.replace(from, to)));
      inner.diagnostic(`${[...broken.keys()].join(', ')} after ${states} states`);
      assert.ok(broken.size > 0, `${states} states, and nothing noticed`);
    });
  }
});
