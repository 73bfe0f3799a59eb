/** Broken versions of the log's parts, each a bug that somebody has shipped somewhere. The checker must find every one. */
import { LakeError } from '../../base/errors.ts';
import { decodeAnchor, encodeAnchor } from '../../catalog/replicated/anchor.ts';
import type { TakeEpochOptions } from '../../catalog/replicated/fence.ts';
import { openLogReader } from '../../catalog/replicated/log-reader.ts';
import type { LogNames } from '../../catalog/replicated/names.ts';
import type { Applied } from '../../catalog/replicated/ledger.ts';
import { type Recovered, recover, type RestoreSink } from '../../catalog/replicated/recovery.ts';
import { decodeLogObject, digestOf, encodeLogObject } from '../../catalog/replicated/segment.ts';
import { type ShipperEvent, step } from '../../catalog/replicated/shipper-state.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { overriding } from './overriding-store.ts';
import type { PlantedBug } from './simulated-pod.ts';

export const plantedBugs: Readonly<Record<string, PlantedBug>> = {
  'acknowledges before the put': { acknowledgesEarly: true },
  'reads past the barrier': { readsPastBarrier: true },
  'calls an unknown outcome refused': { callsUnknownRefused: true },
  'takes no answer for success': { decide: mistaking('put-unknown', 'put-done') },
  'takes "exists already" (or a conflict) for its own earlier attempt': { decide: mistaking('put-refused', 'put-done') },
  'does not know its own object again': { decide: mistaking('found-own', 'found-other') },
  'overlooks the terminal that deposed it': { decide: mistaking('found-terminal', 'found-own') },
  'leads without writing the terminal': { recover: (sink, options) => takeWithout('put', sink, options) },
  'takes a refused terminal for a won election': { recover: (sink, options) => takeWithout('answer', sink, options) },
  'goes on in the epoch of its predecessor': { recover: goOnInOldEpoch },
  'collects the terminals': { store: collectingTerminals },
  'collects without a floor': {
    store: (store, names) =>
      overriding(store, {
        get: async (key, options) => (key.startsWith(names.floor(0).slice(0, -10)) ? null : store.get(key, options)),
      }),
  },
  'forgets the commits behind the WAL': { recover: (sink, options) => recoverRows(sink, options, 'forgets') },
  'makes commits again that the WAL has': { recover: (sink, options) => recoverRows(sink, options, 'repeats') },
  'shows what DuckDB has while the log is ahead': { readsBehind: true },
  'anchors above the floor': { store: anchoringTooHigh },
  'collects chunks that are in use': { store: collectingChunks },
};

/** Decisions that take one event for another wherever it comes. */
function mistaking(seen: ShipperEvent['t'], taken: ShipperEvent['t']): typeof step {
  return (state, event, now, jitter, times) => {
    if (event.t !== seen || state.t === 'lost') return step(state, event, now, jitter, times);
    if (taken === 'put-done' || taken === 'found-own') return { state: { t: 'idle' }, effects: [{ t: 'settle' }] };
    return step(state, { t: taken } as ShipperEvent, now, jitter, times);
  };
}

async function recoverRows(sink: RestoreSink, options: TakeEpochOptions, how: 'forgets' | 'repeats'): Promise<Recovered> {
  const rows: Applied[] = [];
  const recovered = await recover(
    {
      take: (applied) => {
        sink.take(applied.filter(({ t }) => t !== 'rows'));
        rows.push(...applied.filter(({ t }) => t === 'rows'));
      },
      clear: () => sink.clear(),
    },
    options,
  );
  if (how === 'repeats') sink.take(rows);
  return recovered;
}

async function takeWithout(what: 'put' | 'answer', sink: RestoreSink, options: TakeEpochOptions): Promise<Recovered> {
  const reader = await openLogReader(options);
  await reader.toTail((applied) => sink.take(applied));
  const { epoch, seq } = reader.ledger.next;
  const terminal = encodeLogObject({
    t: 'terminal',
    epoch,
    seq,
    writer: options.writer,
    time: 0,
    previous: reader.ledger.digest as Buffer,
    successor: epoch + 1,
  });
  const name = options.names.segment({ epoch, seq });
  if (what === 'answer') {
    await options.store.putIfAbsent(name, terminal).catch((error: unknown) => {
      if (!(error instanceof LakeError)) throw error;
    });
  }
  reader.ledger.apply(decodeLogObject(terminal, name), name, digestOf(terminal));
  return { reader, epoch: epoch + 1 };
}

async function goOnInOldEpoch(sink: RestoreSink, options: TakeEpochOptions): Promise<Recovered> {
  const reader = await openLogReader(options);
  await reader.toTail((applied) => sink.take(applied));
  return { reader, epoch: reader.ledger.position.epoch };
}

function collectingTerminals(store: ObjectStore, names: LogNames): ObjectStore {
  return overriding(store, {
    async delete(key, options) {
      await store.delete(key, options);
      const at = names.position(key);
      if (!at || !key.startsWith(names.logPrefix)) return;
      for await (const object of store.list(names.epoch(at.epoch))) {
        const found = await store.get(object.key);
        if (found && decodeLogObject(found.body, object.key).t === 'terminal') await store.delete(object.key);
      }
    },
  });
}

function anchoringTooHigh(store: ObjectStore, names: LogNames): ObjectStore {
  return overriding(store, {
    put(key, body, options) {
      if (!key.startsWith(names.anchorPrefix)) return store.put(key, body, options);
      const anchor = decodeAnchor(Buffer.from(body), key);
      return store.put(key, encodeAnchor({ ...anchor, floor: anchor.position }), options);
    },
  });
}

function collectingChunks(store: ObjectStore, names: LogNames): ObjectStore {
  return overriding(store, {
    async put(key, body, options) {
      // The chunks that an anchor names from earlier epochs are taken for those of the dead.
      if (key.startsWith(names.anchorPrefix)) {
        const anchor = decodeAnchor(Buffer.from(body), key);
        const old = anchor.databases.flatMap((state) =>
          state.base.file
            .filter((chunk) => chunk.epoch < anchor.position.epoch)
            .map((chunk) => names.chunk(state.database, chunk.epoch, chunk.sha256)),
        );
        for (const chunk of old) await store.delete(chunk);
      }
      return store.put(key, body, options);
    },
  });
}
