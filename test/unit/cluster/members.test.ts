/** Who is in the cluster, on a store in memory and a clock that passes when told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LakeError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { defaultMemberTimes as times } from '../../../cluster/limits.ts';
import { encodeMember, type MemberRecord, memberStates, moveState, parseMember } from '../../../cluster/member-record.ts';
import { Members } from '../../../cluster/members.ts';
import { MemoryBucket } from '../../support/memory-store.ts';
import { SimulatedClock } from '../../support/simulated-clock.ts';

class Cluster {
  readonly clock = new SimulatedClock();
  readonly bucket = new MemoryBucket({ clock: this.clock });
  readonly told: string[] = [];
  watchers: readonly string[] = [];

  async boot(node: string, stamp = node.at(-1) as string): Promise<Members> {
    const members = new Members({
      node,
      stamp: stamp.repeat(32),
      host: node,
      port: 8444,
      store: this.bucket.connect(node),
      times,
      clock: this.clock,
      log: silentLogger,
      position: () => '3/17',
      onChange: (effects, watchers) => {
        this.told.push(...effects.map((effect) => `${effect.t} ${effect.node}`));
        this.watchers = watchers;
      },
    });
    await members.start();
    return members;
  }

  async pass(ms: number): Promise<void> {
    await this.clock.run(this.clock.monotonic() + ms);
  }

  get keys(): string[] {
    return [...this.bucket.objects.keys()];
  }
}

test('the leader sees who comes, changes and dies, and deletes the records of the dead', async () => {
  const cluster = new Cluster();
  const leader = await cluster.boot('pod-0');
  const second = await cluster.boot('pod-2');
  const tenth = await cluster.boot('pod-10', 'a');
  leader.survey(true);
  await cluster.pass(100);
  assert.deepEqual(cluster.told.splice(0).sort(), ['joined pod-10', 'joined pod-2']);
  assert.deepEqual(cluster.watchers, ['pod-2', 'pod-10']);
  await second.setState('draining');
  await cluster.pass(times.surveyMs);
  assert.deepEqual(cluster.told.splice(0), ['changed pod-2']);
  assert.deepEqual(cluster.watchers, ['pod-10']);
  tenth.stop();
  await cluster.pass(times.deadMs - times.refreshMs - times.surveyMs);
  assert.deepEqual(cluster.told.splice(0), [], 'nobody is called dead early');
  await cluster.pass(times.refreshMs + 2 * times.surveyMs);
  assert.deepEqual(cluster.told.splice(0), ['died pod-10']);
  assert.ok(cluster.keys.includes('cluster_state/brokers/pod-10'));
  await cluster.pass(times.keepMs + times.deadMs);
  assert.deepEqual(cluster.keys, ['cluster_state/brokers/pod-0', 'cluster_state/brokers/pod-2']);
  assert.deepEqual(cluster.told.splice(0), []);
  // It lives after all.
  await cluster.boot('pod-10', 'b');
  await cluster.pass(times.surveyMs);
  assert.deepEqual(cluster.told.splice(0), ['joined pod-10']);
});

test('a pod that says shutdown is gone at once, and one whose record was deleted writes it again', async () => {
  const cluster = new Cluster();
  const leader = await cluster.boot('pod-0');
  const other = await cluster.boot('pod-1');
  leader.survey(true);
  await cluster.pass(100);
  await cluster.bucket.connect().delete('cluster_state/brokers/pod-1');
  await cluster.pass(times.refreshMs + 2 * times.surveyMs);
  assert.deepEqual(cluster.told.splice(0), ['joined pod-1', 'died pod-1', 'joined pod-1']);
  for (const state of ['draining', 'retiring', 'shutdown'] as const) await other.setState(state);
  other.stop();
  await cluster.pass(times.surveyMs);
  assert.deepEqual(cluster.told.splice(0), ['died pod-1']);
});

test('two pods with one name are noticed', async () => {
  const cluster = new Cluster();
  const leader = await cluster.boot('pod-0');
  await cluster.boot('pod-1', '1');
  leader.survey(true);
  await cluster.pass(times.surveyMs);
  await cluster.boot('pod-1', '2');
  await cluster.pass(4 * times.refreshMs);
  assert.ok(cluster.told.includes('twins pod-1'), cluster.told.join(', '));
});

test('a store that is away for a while changes nothing but what it hides', async () => {
  const cluster = new Cluster();
  const leader = await cluster.boot('pod-0');
  await cluster.boot('pod-1');
  leader.survey(true);
  await cluster.pass(100);
  cluster.told.splice(0);
  cluster.bucket.fault = () => ({ t: 'unavailable' });
  await cluster.pass(3 * times.deadMs);
  assert.deepEqual(cluster.told, []);
  cluster.bucket.fault = () => null;
  await cluster.pass(times.refreshMs + times.surveyMs);
  assert.equal(leader.membership.members.get('pod-1')?.isDead, false);
});

test('states go one way, except from draining back to active', () => {
  const allowed = memberStates.flatMap((from) =>
    memberStates
      .filter((to) => {
        try {
          return moveState('pod-0', from, to) === to && from !== to;
        } catch (error) {
          assert.ok(error instanceof LakeError && error.code === 'invalid_argument' && error.hint);
          return false;
        }
      })
      .map((to) => `${from}>${to}`),
  );
  assert.deepEqual(allowed, ['active>draining', 'draining>active', 'draining>retiring', 'retiring>shutdown']);
});

test('a record survives its text, and nothing else is taken for one', () => {
  const record: MemberRecord = {
    node: 'pod-0',
    stamp: 'a'.repeat(32),
    state: 'active',
    host: '10.0.0.1',
    port: 8444,
    beat: 3,
    logPosition: '7/12',
  };
  const text = encodeMember(record);
  assert.deepEqual(parseMember('pod-0', text), record);
  assert.equal(parseMember('pod-1', text), null);
  for (const [from, to] of [
    ['"format":1', '"format":2'],
    ['8444', '84440'],
    ['"active"', '"alive"'],
    ['aaaa', 'AAAA'],
  ] as const)
    assert.equal(parseMember('pod-0', text.replace(from, to)), null, to);
  for (let cut = 0; cut < text.length - 2; cut++) assert.equal(parseMember('pod-0', text.slice(0, cut)), null);
});
