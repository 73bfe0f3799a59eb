/**
 * The election over the real log, in a simulated world: clocks that drift and are set, a network that loses, doubles and
 * reorders, a store that loses answers, is late, tells conflicts as refusals, is away, tells other ETags on GET or has no
 * conditional replace; pods that die, freeze, are cut off, drain. A failing seed is repeated with SIMULATION_SEED=<n>.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { electionTimes } from '../../cluster/limits.ts';
import { clusterBugs } from '../support/cluster-planted-bugs.ts';
import { SimulatedCluster, simulateCluster } from '../support/cluster-simulation.ts';
import { isLong, scaled } from '../support/tier.ts';

const firstSeed = Number(process.env['SIMULATION_SEED'] ?? 1);
const seeds = process.env['SIMULATION_SEED'] ? 1 : Number(process.env['SIMULATION_SEEDS'] ?? scaled(6, 3_000));

/** Where the rarer planted bugs are noticed first; only where to begin: when the simulation changes, the search goes on from 1. */
const likelySeeds: Readonly<Record<string, number>> = {
  'takes a refused terminal (412, 409) for a won election': 18,
  'leads on in the epoch of its predecessor': 11,
  'takes a refused heartbeat (412, 409) for a written one': 10,
  'takes no answer to a heartbeat for success': 17,
  'goes by the wall clock': 11,
  'counts a heartbeat from its answer, not from its sending': 17,
  'replaces the heartbeat of whoever leads': 2,
  'answers by itself although its lease has run out': 3,
  'lets a draining pod lead': 4,
};
const searchSeeds = 120;

/** As the product is set. */
const productTimes = electionTimes({ heartbeatMs: 2_000, staleMs: 10_000, hasLease: true });

test(`one leader at most may answer, nothing acknowledged is lost, no read is stale, a leader comes back: ${seeds} seeds`, async () => {
  const sum = { writes: 0, reads: 0, leaseLooks: 0, faults: 0 };
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const verdict = await simulateCluster(seed);
    assert.deepEqual(verdict.violations, [], `seed ${seed}`);
    for (const key of Object.keys(sum) as Array<keyof typeof sum>) sum[key] += verdict[key];
  }
  // A simulation in which nothing happens would prove nothing.
  assert.ok(
    sum.writes > seeds * 200 && sum.reads > seeds * 100,
    `only ${sum.writes} writes and ${sum.reads} reads were answered`,
  );
  assert.ok(seeds < 3 || sum.leaseLooks > seeds * 100, 'hardly anybody ever held a lease');
});

test('one seed gives one run', async () => {
  for (let seed = 1; seed <= scaled(1, 100); seed++) {
    const runs = [await simulateCluster(seed, { rounds: 10 }), await simulateCluster(seed, { rounds: 10 })];
    assert.equal(runs[0]?.trace, runs[1]?.trace, `seed ${seed}`);
  }
});

test('R9: the checker finds every planted bug', async (t) => {
  for (const [name, bug] of Object.entries(clusterBugs)) {
    await t.test(name, async () => {
      const likely = likelySeeds[name] ?? 1;
      for (const seed of [likely, ...Array.from({ length: searchSeeds }, (_, i) => i + 1)]) {
        if ((await simulateCluster(seed, { bug })).violations.length > 0) return;
      }
      assert.fail(`${searchSeeds} seeds did not notice`);
    });
  }
});

test('the leader is killed: writes flow again within the stale time + 2 s, at the times of the product', async () => {
  const tookMs: number[] = [];
  for (let run = 1; run <= scaled(5, 40); run++) {
    const cluster = new SimulatedCluster(run, { times: productTimes, isCalm: true, clientMs: 0 });
    assert.notEqual(await cluster.untilWritten(5_000), null, 'a new cluster has no leader');
    await cluster.pass(cluster.random.between(5_000, 9_000));
    cluster.leader?.kill();
    const ms = await cluster.untilWritten(30_000);
    assert.notEqual(ms, null, `run ${run}: nobody took over`);
    tookMs.push(ms as number);
    assert.deepEqual(await cluster.end(), []);
  }
  tookMs.sort((a, b) => a - b);
  assert.ok((tookMs.at(-1) as number) <= 12_000, `slowest of ${tookMs.length}: ${tookMs.at(-1)} ms`);
});

test('the leader steps down: the preferred pod leads, and writes flow within 1 s, also when its messages are lost', async () => {
  for (let run = 1; run <= scaled(5, 40); run++) {
    const cluster = new SimulatedCluster(run, { times: productTimes, isCalm: true, clientMs: 0 });
    await cluster.untilWritten(5_000);
    await cluster.pass(cluster.random.between(5_000, 9_000));
    const preferred = [...cluster.pods.values()].find((pod) => !pod.leads)?.node as string;
    if (run % 5 === 0) cluster.weather.lossy = 1;
    void cluster.leader?.election.stepDown(preferred);
    await cluster.pass(5);
    const ms = (await cluster.untilWritten(30_000)) ?? Number.POSITIVE_INFINITY;
    // A lost message costs one period of looking.
    assert.ok(ms <= (run % 5 === 0 ? 1_000 + productTimes.watchMs + productTimes.preferenceMs : 1_000), `run ${run}: ${ms} ms`);
    if (run % 5 !== 0) assert.equal(cluster.leader?.node, preferred);
    assert.deepEqual(await cluster.end(), []);
  }
});

test('a new cluster has a leader at once, and an idle one costs what is said', async (t) => {
  // Requests in an hour: GET and PUT of the leader's object alone; the records of members are counted elsewhere.
  const bounds: ReadonlyArray<readonly [pods: number, puts: number, gets: number]> = [
    [3, 1_850, 6_200],
    [100, 1_850, 52_000],
  ];
  for (const [pods, puts, gets] of bounds) {
    const cluster = new SimulatedCluster(1, { pods, times: productTimes, isCalm: true, clientMs: 0 });
    const first = await cluster.untilWritten(5_000);
    assert.ok(first !== null && first < 2_000, `the first leader took ${first} ms`);
    const { leader } = cluster;
    leader?.election.setWatch([...cluster.pods.keys()].filter((node) => node !== leader.node).slice(0, 5));
    await cluster.pass(30_000);
    cluster.calls.clear();
    const minutes = isLong ? 60 : 5;
    await cluster.pass(minutes * 60_000);
    const hourly = Object.fromEntries([...cluster.calls].map(([operation, count]) => [operation, (count * 60) / minutes]));
    t.diagnostic(`${pods} idle pods, requests an hour: ${JSON.stringify(hourly)}`);
    assert.ok((hourly['putIfMatch'] ?? 0) <= puts && (hourly['get'] ?? 0) <= gets, JSON.stringify(hourly));
    assert.deepEqual(Object.keys(hourly).sort(), ['get', 'putIfMatch']);
    assert.deepEqual(await cluster.end(), []);
  }
});
