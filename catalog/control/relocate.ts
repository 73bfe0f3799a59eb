/**
 * A storage that was moved or copied lies under another URL, and the lakes' files with it. The first start there moves
 * the paths along: in the control catalog, and in each lake's own metadata, which DuckLake clients read. Paths that an
 * administrator chose outside of the storage stay.
 */
import { lakeDatabaseName } from '../../base/domain.ts';
import type { Logger } from '../../base/log.ts';
import type { ReplicatedLog } from '../replicated/ports.ts';
import type { LakeRow } from './find.ts';
import type { ControlStore } from './store.ts';

const setting = 'storage_root';

interface Move {
  readonly lake: LakeRow;
  readonly to: string;
}

/** Can be repeated at any point of it; the last step makes it known as done. `storageRoot` as in ControlOptions. */
export async function relocate(store: ControlStore, log: ReplicatedLog, storageRoot: string, logger: Logger): Promise<void> {
  const root = storageRoot.replace(/\/+$/, '');
  const { before, lakes } = await store.read(async (tx) => ({
    before: (await tx.one<{ value: string }>('SELECT value FROM settings WHERE name = $1', [setting]))?.value,
    lakes: await tx.all<LakeRow>('SELECT * FROM lakes'),
  }));
  if (before === root) return;
  const moves = lakes.flatMap((lake) => {
    const to = movedPath(lake, before, root);
    return to === null || to === lake.data_path ? [] : [{ lake, to }];
  });
  for (const move of moves) if (move.lake.state !== 'dropped') await moveCatalog(log, move, logger);
  await store.write(async (tx) => {
    for (const { lake, to } of moves) await tx.run('UPDATE lakes SET data_path = $2 WHERE id = $1', [lake.id, to]);
    await tx.run('DELETE FROM settings WHERE name = $1', [setting]);
    await tx.run('INSERT INTO settings VALUES ($1, $2)', [setting, root]);
  });
  if (moves.length > 0)
    logger.info({ lakes: moves.length, from: before, to: root }, 'the storage has moved; so have the paths of its lakes');
}

/** Null when the path is not under the storage. Releases that did not note the root left only paths with the lake's own id there. */
function movedPath(lake: LakeRow, before: string | undefined, root: string): string | null {
  if (before !== undefined)
    return lake.data_path.startsWith(`${before}/lakes/`) ? root + lake.data_path.slice(before.length) : null;
  const own = `/lakes/${lake.id}/data/`;
  return lake.data_path.endsWith(own) ? root + own : null;
}

/** A lake whose metadata cannot be opened now is no reason not to start: our engines go by the control catalog's path. */
async function moveCatalog(log: ReplicatedLog, { lake, to }: Move, logger: Logger): Promise<void> {
  try {
    const database = await log.open(lakeDatabaseName(lake));
    const connection = await database.connect();
    try {
      await connection.run('BEGIN TRANSACTION');
      await connection.run("UPDATE ducklake_metadata SET value = $1 WHERE key = 'data_path' AND value = $2", [
        to,
        lake.data_path,
      ]);
      await (await database.commit(connection)).durable();
    } finally {
      connection.closeSync();
    }
  } catch (error) {
    logger.warn(
      { error, lake: lake.name },
      'the data path in the metadata of a moved ducklake could not be changed; DuckLake clients must say it',
    );
  }
}
