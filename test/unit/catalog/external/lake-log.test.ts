/** What the control catalog and restores get instead of the log when lakes' metadata lies elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LakeError } from '../../../../base/errors.ts';
import { silentLogger } from '../../../../base/log.ts';
import type { LakeDatabases } from '../../../../catalog/external/lake-databases.ts';
import { withExternalLakes } from '../../../../catalog/external/lake-log.ts';
import type { ReplicatedLog } from '../../../../catalog/replicated/ports.ts';

const lake = `lake_${'0123456789abcdef'.repeat(2)}`;

function both(): { log: ReplicatedLog; said: string[]; isDown: { value: boolean } } {
  const said: string[] = [];
  const isDown = { value: false };
  const say =
    (where: string, result: unknown) =>
    async (...args: unknown[]) => {
      said.push(`${where}(${args.map((one) => (typeof one === 'string' ? one : 'request')).join()})`);
      return result;
    };
  const inner = {
    databases: say('log.databases', ['control']),
    open: say('log.open', 'opened'),
    create: say('log.create', 'made'),
    drop: say('log.drop', undefined),
    restore: say('log.restore', 'restored'),
    look: say('log.look', 'looked'),
    maintain: say('log.maintain', undefined),
    lost: new AbortController().signal,
  } as unknown as ReplicatedLog;
  const lakes = {
    names: async () => {
      if (isDown.value) throw new LakeError('store_unavailable', 'down');
      return [lake];
    },
    create: say('server.create', undefined),
    drop: say('server.drop', undefined),
  } as unknown as LakeDatabases;
  return { log: withExternalLakes(inner, lakes, silentLogger), said, isDown };
}

test("lakes' databases are made and dropped on the server, all others in the log", async () => {
  const { log, said } = both();
  await log.create(lake);
  await log.create('control');
  await log.drop(lake);
  await log.drop('lake_other');
  await log.maintain();
  assert.equal(await log.open('control'), 'opened');
  assert.deepEqual(said, [
    `server.create(${lake})`,
    'log.create(control)',
    `server.drop(${lake})`,
    'log.drop(lake_other)',
    'log.maintain()',
    'log.open(control)',
  ]);
  assert.deepEqual(await log.databases(), ['control', lake]);
  assert.equal(log.lost.aborted, false);
});

test('the past of a lake is not looked for where it is not', async () => {
  const { log, said } = both();
  const at = { t: 'time', time: 1 } as const;
  const refused = { code: 'feature_not_supported', hint: /backups of that server/ };
  await assert.rejects(log.open(lake), refused);
  await assert.rejects(log.restore({ name: 'lake_new', of: lake, at }), refused);
  await assert.rejects(
    log.look({ of: lake, at }, async () => 1),
    refused,
  );
  assert.equal(await log.restore({ name: 'x', of: 'control', at }), 'restored');
  assert.deepEqual(said, ['log.restore(request)']);
});

// The list is for tidying up at start: a server that is away must not keep the pod from starting, nor make it think its lakes are gone.
test('a server that is down lists nothing, and that is no error', async () => {
  const { log, isDown } = both();
  isDown.value = true;
  assert.deepEqual(await log.databases(), ['control']);
});
