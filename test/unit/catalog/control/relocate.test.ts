/** A storage that was moved: paths of lakes go along, those chosen elsewhere stay. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lakeDatabaseName } from '../../../../base/domain.ts';
import { silentLogger } from '../../../../base/log.ts';
import { relocate } from '../../../../catalog/control/relocate.ts';
import { migrate } from '../../../../catalog/control/schema.ts';
import { ControlStore } from '../../../../catalog/control/store.ts';
import { openFakeLog } from '../../../support/fake-replicated-log.ts';
import { execute, rows } from '../../../support/replicated-log.ts';

const lakes = {
  own: 'aaaaaaaa-0000-4000-8000-000000000001',
  restored: 'aaaaaaaa-0000-4000-8000-000000000002',
  chosen: 'aaaaaaaa-0000-4000-8000-000000000003',
};

test('paths move with the storage, again and again, also where the old root was not noted', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'relocate-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const log = await openFakeLog(directory);
  t.after(() => log.close());
  const store = new ControlStore(await log.create('control'));
  t.after(() => store.close());
  await migrate(store, 1, silentLogger);
  await store.write(async (tx) => {
    const add = (id: string, path: string) => tx.run("INSERT INTO lakes VALUES ($1, $1, 'live', $2, 'pod', 1, NULL)", [id, path]);
    await add(lakes.own, `/old/lakes/${lakes.own}/data/`);
    await add(lakes.chosen, '/mnt/elsewhere/');
  });
  const metadata = await log.create(lakeDatabaseName({ id: lakes.own }));
  await execute(
    metadata,
    'CREATE TABLE ducklake_metadata (key VARCHAR, value VARCHAR)',
    `INSERT INTO ducklake_metadata VALUES ('data_path', '/old/lakes/${lakes.own}/data/')`,
  );
  const paths = () =>
    store.read(async (tx) =>
      Object.fromEntries(
        (await tx.all<{ id: string; p: string }>('SELECT id, data_path AS p FROM lakes')).map(({ id, p }) => [id, p]),
      ),
    );

  await relocate(store, log, 's3://bucket/new/', silentLogger);
  assert.deepEqual(await paths(), { [lakes.own]: `s3://bucket/new/lakes/${lakes.own}/data/`, [lakes.chosen]: '/mnt/elsewhere/' });
  assert.deepEqual(await rows(metadata, 'SELECT value FROM ducklake_metadata'), [[`s3://bucket/new/lakes/${lakes.own}/data/`]]);

  // A restored lake has the path of the one that it was: from now on the root says what moves.
  await store.write((tx) =>
    tx.run("INSERT INTO lakes VALUES ($1, $1, 'live', $2, 'pod', 1, NULL)", [
      lakes.restored,
      `s3://bucket/new/lakes/${lakes.own}/data/`,
    ]),
  );
  await relocate(store, log, '/third', silentLogger);
  assert.deepEqual(await paths(), {
    [lakes.own]: `/third/lakes/${lakes.own}/data/`,
    [lakes.restored]: `/third/lakes/${lakes.own}/data/`,
    [lakes.chosen]: '/mnt/elsewhere/',
  });
  assert.deepEqual(await rows(metadata, 'SELECT value FROM ducklake_metadata'), [[`/third/lakes/${lakes.own}/data/`]]);
});
