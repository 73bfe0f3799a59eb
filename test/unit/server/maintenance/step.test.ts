/** Which lake has its turn when; and a year of it with chance, in which the promises of the schedule are checked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../../server/maintenance/limits.ts';
import {
  type Effect,
  type Event,
  nextPassAt,
  type SeenLake,
  start,
  type State,
  step,
} from '../../../../server/maintenance/step.ts';
import { SeededRandom } from '../../../support/simulated-clock.ts';

const minute = 60_000;
const interval = 5 * minute;
const began = Date.UTC(2026, 0, 1);

class Schedule {
  state: State = start;
  now = began;

  take(event: Event): Effect[] {
    const { state, effects } = step(this.state, event, this.now, interval);
    this.state = state;
    return effects;
  }

  look(lakes: readonly Partial<SeenLake>[], isBusy = false): string[] {
    const seen = lakes.map((lake) => ({ id: 'a', mark: '1', enabled: true, ...lake }));
    return this.take({ t: 'look', lakes: seen, isBusy }).map((effect) => `${effect.t} ${effect.id}`);
  }

  done(id: string, mark: string, more: { wakeAt?: number; again?: boolean } = {}): void {
    this.take({ t: 'end', id, end: { t: 'done', mark, wakeAt: more.wakeAt ?? null, again: more.again ?? false } });
  }
}

test('a lake is due when it was written to, and then not before the interval is over', () => {
  const s = new Schedule();
  assert.deepEqual(s.look([{ mark: '1' }]), ['run a']);
  s.done('a', '2');
  s.now += interval * 10;
  assert.deepEqual(s.look([{ mark: '2' }]), [], 'nobody wrote');
  assert.equal(nextPassAt(s.state.lakes.get('a')), null);
  assert.deepEqual(s.look([{ mark: '3' }]), ['run a']);
  s.done('a', '3');
  s.now += minute;
  assert.deepEqual(s.look([{ mark: '4' }]), []);
  s.now += interval;
  assert.deepEqual(s.look([{ mark: '4' }]), ['run a']);
});

test('a restart knows what the process before has left, and wakes for what falls due', () => {
  const s = new Schedule();
  const passed = { mark: '7', wakeAt: s.now + 60 * minute };
  assert.deepEqual(s.look([{ mark: '7', passed }]), []);
  s.now += 60 * minute;
  assert.deepEqual(s.look([{ mark: '7', passed }]), ['run a']);
});

test('one at a time, the one that has waited longest first; who asked before all', () => {
  const s = new Schedule();
  assert.deepEqual(s.look([{ id: 'a' }, { id: 'b' }]), ['run a']);
  s.now += 1_000;
  assert.deepEqual(s.look([{ id: 'a' }, { id: 'b' }, { id: 'c' }]), []);
  assert.deepEqual(s.take({ t: 'ask', id: 'c' }), []);
  s.done('a', '1');
  assert.deepEqual(s.look([{ id: 'a' }, { id: 'b' }, { id: 'c' }]), ['run c']);
  s.done('c', '1');
  s.now += minute;
  assert.deepEqual(s.look([{ id: 'a' }, { id: 'b' }, { id: 'c' }]), ['run b']);
});

test('a lost conflict backs off, twice as long each time, to an hour', () => {
  const s = new Schedule();
  let pause = 0;
  const pauses: number[] = [];
  for (let round = 0; round < 6; round++) {
    assert.deepEqual(s.look([{}]), ['run a'], `round ${round}`);
    s.take({ t: 'end', id: 'a', end: { t: 'gave-way' } });
    pause = (nextPassAt(s.state.lakes.get('a')) as number) - s.now;
    pauses.push(pause / minute);
    s.now += pause - 1;
    assert.deepEqual(s.look([{}]), []);
    s.now += 1;
  }
  assert.deepEqual(pauses, [10, 20, 40, 60, 60, 60]);
});

test('while users wait for a place nothing begins, but not for ever', () => {
  const s = new Schedule();
  assert.deepEqual(s.look([{}], true), []);
  s.now += limits.patienceMsMax;
  assert.deepEqual(s.look([{}], true), ['run a']);
});

test('a lake that is turned off is left alone, unless somebody asks', () => {
  const s = new Schedule();
  assert.deepEqual(s.look([{ enabled: false }]), []);
  assert.deepEqual(s.take({ t: 'ask', id: 'a' }), [{ t: 'run', id: 'a' }]);
});

test('draining stops what runs and begins nothing', () => {
  const s = new Schedule();
  s.look([{}]);
  assert.deepEqual(s.take({ t: 'drain' }), [{ t: 'stop', id: 'a' }]);
  s.take({ t: 'end', id: 'a', end: { t: 'failed' } });
  s.now += 600 * minute;
  assert.deepEqual(s.look([{}]), []);
});

test('a lake that is dropped during its pass does no harm', () => {
  const s = new Schedule();
  s.look([{ id: 'a' }, { id: 'b' }]);
  s.look([{ id: 'b' }]);
  s.done('a', '9');
  s.now += minute;
  assert.deepEqual(s.look([{ id: 'b' }]), ['run b']);
});

test('twenty schedules with chance: one at a time, a quarter of the time, the interval kept, nobody starved', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const s = new Schedule();
    const lakes = Array.from({ length: 12 }, (_, n) => ({
      id: `l${n}`,
      version: 0,
      endedAt: Number.NEGATIVE_INFINITY,
      writtenAt: s.now,
    }));
    let running: { id: string; until: number } | null = null;
    let workedMs = 0;
    const apply = (effects: readonly string[]): void => {
      for (const effect of effects) {
        assert.equal(running, null, `seed ${seed}: two at once`);
        const id = effect.split(' ')[1] as string;
        const lake = lakes.find((each) => each.id === id) as (typeof lakes)[number];
        assert.ok(s.now - lake.endedAt >= interval, `seed ${seed}: ${id} again after ${s.now - lake.endedAt}`);
        running = { id, until: s.now + random.between(100, 2 * minute) };
        workedMs += running.until - s.now;
      }
    };
    const lookMs = 15_000;
    for (; s.now < began + 24 * 60 * minute; s.now += lookMs) {
      for (const lake of lakes) if (random.isChosen(0.02)) [lake.version, lake.writtenAt] = [lake.version + 1, s.now];
      if (running !== null && s.now >= (running as { until: number }).until) {
        const { id } = running as { id: string };
        running = null;
        const lake = lakes.find((each) => each.id === id) as (typeof lakes)[number];
        lake.endedAt = s.now;
        if (random.isChosen(0.2)) s.take({ t: 'end', id, end: { t: random.isChosen(0.5) ? 'gave-way' : 'failed' } });
        else s.done(id, String(lake.version), { again: random.isChosen(0.1) });
      }
      apply(
        s.look(
          lakes.map(({ id, version }) => ({ id, mark: String(version) })),
          random.isChosen(0.3),
        ),
      );
      for (const lake of lakes) {
        const isPassed = lake.endedAt > Number.NEGATIVE_INFINITY;
        assert.ok(isPassed || s.now - lake.writtenAt < 10 * 60 * minute, `seed ${seed}: ${lake.id} never had its turn`);
      }
    }
    const share = workedMs / (24 * 60 * minute);
    assert.ok(share <= 0.27 && share > 0.05, `seed ${seed}: ${share} of the time`);
  }
});
