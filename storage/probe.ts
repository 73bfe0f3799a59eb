/**
 * Finds out at start-up what an object store really does, by doing it: create-only, replace-if-unchanged, both also in
 * races against itself (some servers are right one call at a time and let several racers win), ETags between PUT, GET
 * and the condition, lists right after writes. The probe's objects are removed again; each run has its own names.
 */
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import { probeAttemptsMax, probePauseMs } from './limits.ts';
import type { Random } from '../base/random.ts';
import { deleteQuietly, race, refusedOrThrow } from './probe-steps.ts';
import type { ObjectStore } from './object-store.ts';

/** How a store honours a condition. `racy`: right in sequence, but several racers won. */
export type Honoured = 'yes' | 'racy' | 'no';

export interface ProbeReport {
  readonly url: string;
  readonly createOnly: Honoured;
  readonly replaceIfMatch: Honoured;
  /** `same`: PUT and GET tell one ETag. `differs`: only GET's works as condition: read before each replace. `none`: GET tells none. */
  readonly etag: 'same' | 'differs' | 'none';
  /** How If-Match has to be spelled (S3 only). */
  readonly etagSpelling: 'quoted' | 'bare';
  /** A list right after a put shows it, right after a delete does not. */
  readonly listAfterWrite: boolean;
  readonly tookMs: number;
}

/**
 * What the cluster may build on: `swap` = create-only and replace-if-unchanged; `create` = only create-only (every claim
 * is a new name); `single-writer` = no condition can be trusted: one pod only.
 */
export type StoreStrategy = 'swap' | 'create' | 'single-writer';

export interface ProbeOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Cluster mode: a store without create-only put is refused. */
  readonly cluster: boolean;
  /** Rounds and racers of each race. A local directory is judged by the kernel, so few are enough there. */
  readonly rounds?: number;
  readonly racers?: number;
  readonly signal?: AbortSignal;
}

export interface Probed {
  readonly report: ProbeReport;
  readonly strategy: StoreStrategy;
  /** One line for the log. */
  readonly line: string;
}

/** A store whose `If-Match` spelling can be set (s3.ts). */
interface Spelled {
  etagSpelling: 'quoted' | 'bare';
}

/**
 * Probes `store` below `.probe/`. Errors: `store_unsupported` (cluster mode and no create-only put), and whatever the
 * store itself refuses (`permission_denied`, `store_unavailable`, `disk_full`, `config_invalid`).
 */
export async function probeStore(store: ObjectStore, options: ProbeOptions): Promise<Probed> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await probeOnce(store, options);
    } catch (thrown) {
      // One lost answer among the probe's hundred requests must not keep a pod from starting.
      if (!(thrown instanceof LakeError) || thrown.code !== 'store_unavailable' || attempt >= probeAttemptsMax) throw thrown;
      await options.clock.sleep(attempt * probePauseMs, options.signal === undefined ? {} : { signal: options.signal });
    }
  }
}

async function probeOnce(store: ObjectStore, options: ProbeOptions): Promise<Probed> {
  const start = options.clock.monotonic();
  const local = store.url.startsWith('file:');
  const rounds = options.rounds ?? (local ? 2 : 4);
  const racers = options.racers ?? (local ? 4 : 16);
  const at = `.probe/${options.random.uuid()}`;
  const written: string[] = [];
  const key = (name: string): string => {
    // One level only: a directory store never removes directories.
    written.push(`${at}-${name}`);
    return `${at}-${name}`;
  };
  try {
    const createOnly = await probeCreate(store, key, rounds, racers);
    const swap = await probeSwap(store, key, rounds, racers);
    const listAfterWrite = await probeList(store, key, at);
    const report: ProbeReport = {
      url: store.url,
      createOnly,
      ...swap,
      listAfterWrite,
      tookMs: Math.round(options.clock.monotonic() - start),
    };
    const strategy: StoreStrategy = createOnly !== 'yes' ? 'single-writer' : swap.replaceIfMatch === 'yes' ? 'swap' : 'create';
    if (options.cluster && strategy === 'single-writer') {
      throw new LakeError(
        'store_unsupported',
        `${store.url} cannot carry a cluster: ${createOnly === 'no' ? 'it overwrites an object although the request says create-only (If-None-Match: *)' : 'several writers that raced to create one object were all told they had won'}`,
        {
          hint: 'Use AWS S3, MinIO, RustFS, versitygw or another store with atomic conditional writes; with this one only a single pod (BOILSTREAM_CLUSTER_MODE=false) is safe.',
          detail: JSON.stringify(report),
        },
      );
    }
    return { report, strategy, line: describe(report, strategy) };
  } finally {
    await Promise.all(written.map((name) => deleteQuietly(store, name)));
  }
}

async function probeCreate(store: ObjectStore, key: (name: string) => string, rounds: number, racers: number): Promise<Honoured> {
  const once = key('create');
  await store.putIfAbsent(once, Buffer.from('first'));
  if (!(await refusedOrThrow(store.putIfAbsent(once, Buffer.from('second'))))) return 'no';
  for (let round = 0; round < rounds; round++) {
    const raced = key(`create-race-${round}`);
    if ((await race(racers, (i) => store.putIfAbsent(raced, Buffer.from(`racer ${i}`)))) === 'wrong') return 'racy';
  }
  return 'yes';
}

async function probeSwap(
  store: ObjectStore,
  key: (name: string) => string,
  rounds: number,
  racers: number,
): Promise<Pick<ProbeReport, 'replaceIfMatch' | 'etag' | 'etagSpelling'>> {
  const name = key('swap');
  const told = (await store.put(name, Buffer.from('one'))).etag;
  const read = (await store.get(name))?.etag ?? '';
  const spelled = 'etagSpelling' in store ? (store as unknown as Spelled) : null;
  const found = {
    etag: read === '' ? 'none' : told === read ? 'same' : 'differs',
    etagSpelling: spelled?.etagSpelling ?? 'quoted',
  } as const;
  if (read === '') return { ...found, replaceIfMatch: 'no' };

  if (!(await refusedOrThrow(store.putIfMatch(name, Buffer.from('wrong'), 'ffffffffffffffffffffffffffffffff'))))
    return { ...found, replaceIfMatch: 'no' };
  let etagSpelling: 'quoted' | 'bare' = found.etagSpelling;
  if (await refusedOrThrow(store.putIfMatch(name, Buffer.from('two'), read))) {
    // The right ETag is refused: perhaps only because of its quotes.
    if (spelled === null) return { ...found, replaceIfMatch: 'no' };
    const before = spelled.etagSpelling;
    spelled.etagSpelling = etagSpelling = before === 'quoted' ? 'bare' : 'quoted';
    if (await refusedOrThrow(store.putIfMatch(name, Buffer.from('two'), read))) {
      spelled.etagSpelling = before;
      return { ...found, replaceIfMatch: 'no' };
    }
    if (!(await refusedOrThrow(store.putIfMatch(name, Buffer.from('three'), read))))
      return { ...found, etagSpelling, replaceIfMatch: 'no' };
  }
  for (let round = 0; round < rounds; round++) {
    const current = (await store.get(name))?.etag ?? '';
    if ((await race(racers, (i) => store.putIfMatch(name, Buffer.from(`round ${round} racer ${i}`), current))) === 'wrong')
      return { ...found, etagSpelling, replaceIfMatch: 'racy' };
  }
  return { ...found, etagSpelling, replaceIfMatch: 'yes' };
}

async function probeList(store: ObjectStore, key: (name: string) => string, at: string): Promise<boolean> {
  const name = key('listed');
  const isListed = async (): Promise<boolean> => {
    for await (const object of store.list(`${at}-listed`)) if (object.key === name) return true;
    return false;
  };
  await store.put(name, Buffer.from('x'));
  const appeared = await isListed();
  await store.delete(name);
  return appeared && !(await isListed());
}

function describe(report: ProbeReport, strategy: StoreStrategy): string {
  const words = { yes: 'atomic', racy: 'NOT ATOMIC IN A RACE', no: 'IGNORED' } as const;
  const etag = {
    same: 'same on PUT and GET',
    differs: 'differs between PUT and GET (read again before each replace)',
    none: 'not told by GET',
  }[report.etag];
  const warning = strategy === 'single-writer' ? '; only one pod may ever write here' : '';
  return `store ${report.url}: create-only ${words[report.createOnly]}, replace-if-unchanged ${words[report.replaceIfMatch]}, ETag ${etag}, lists ${report.listAfterWrite ? 'at once' : 'LATE'}; strategy ${strategy} (${report.tookMs} ms)${warning}`;
}
