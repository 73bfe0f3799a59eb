/** Broken elections, each a bug that somebody has shipped somewhere. The checker must find every one. */
import { LakeError } from '../../base/errors.ts';
import type { takeEpoch } from '../../catalog/replicated/fence.ts';
import { decodeLogObject, digestOf, encodeLogObject } from '../../catalog/replicated/segment.ts';
import { type ElectionEvent, step } from '../../cluster/election/state.ts';
import { overriding } from './overriding-store.ts';
import type { ClusterBug } from './cluster-pod.ts';

export const clusterBugs: Readonly<Record<string, ClusterBug>> = {
  'leads without writing the terminal': { takeEpoch: takingWithout('put') },
  'takes a refused terminal (412, 409) for a won election': { takeEpoch: takingWithout('answer') },
  'leads on in the epoch of its predecessor': {
    takeEpoch: async (reader, take) => {
      await reader.toTail(take);
      return reader.ledger.position.epoch;
    },
  },
  'takes a refused heartbeat (412, 409) for a written one': { decide: mistaking('write-refused', 'wrote') },
  'takes no answer to a heartbeat for success': { decide: mistaking('write-unknown', 'wrote') },
  'does not know its own stamp again after a lost answer': { decide: forgettingItself },
  'goes by the wall clock': { goesByWallClock: true },
  'counts a heartbeat from its answer, not from its sending': { decide: countingFromTheAnswer },
  'claims before the lease of the former leader has run out': { decide: impatient },
  'believes in itself for as long as nobody contradicts': {
    judgeLease: ({ role }) => role.t === 'holding' && role.stage === 'leading',
  },
  'has no margin, and forgets that clocks drift and sleep': {
    judgeLease: ({ role }, now, times) =>
      role.t === 'holding' && role.stage === 'leading' && now < role.confirmedAt + times.staleMs + times.heartbeatMs,
  },
  'replaces the heartbeat of whoever leads': {
    store: (store) => overriding(store, { putIfMatch: (key, body, _etag, options) => store.put(key, body, options) }),
  },
  'answers by itself although its lease has run out': { neverConfirms: true },
  'acknowledges before the put': { acknowledgesEarly: true },
  'lets a draining pod lead': { decide: mistaking('eligible', 'wake') },
};

/** Decisions that take one event for another wherever it comes. */
function mistaking(seen: ElectionEvent['t'], taken: 'wrote' | 'wake'): typeof step {
  return (state, event, now, context) => step(state, event.t === seen ? { t: taken } : event, now, context);
}

function forgettingItself(...[state, event, now, context]: Parameters<typeof step>): ReturnType<typeof step> {
  if (state.call?.t !== 'recall' || event.t !== 'read' || !event.found?.record) return step(state, event, now, context);
  const { text, record } = event.found;
  const isOwn = record.stamp === context.me.stamp;
  const found = isOwn ? { text: ` ${text}`, record: { ...record, stamp: 'f'.repeat(32), epoch: record.epoch + 1 } } : event.found;
  return step(state, { t: 'read', found }, now, context);
}

function countingFromTheAnswer(...[state, event, now, context]: Parameters<typeof step>): ReturnType<typeof step> {
  const after = step(state, event, now, context);
  const { role } = after.state;
  const before = state.role.t === 'holding' ? state.role.confirmedAt : null;
  if (role.t !== 'holding' || role.confirmedAt === before) return after;
  return { ...after, state: { ...after.state, role: { ...role, confirmedAt: now } } };
}

/** Observers wait a third of the stale time; the leader's lease is judged elsewhere, by the whole. */
function impatient(...[state, event, now, context]: Parameters<typeof step>): ReturnType<typeof step> {
  const { times } = context;
  return step(state, event, now, { ...context, times: { ...times, staleMs: times.staleMs / 3, suspectMs: times.staleMs / 6 } });
}

function takingWithout(what: 'put' | 'answer'): typeof takeEpoch {
  return async (reader, take, options) => {
    await reader.toTail(take);
    const { epoch, seq } = reader.ledger.next;
    const terminal = encodeLogObject({
      t: 'terminal',
      epoch,
      seq,
      writer: options.writer,
      time: reader.ledger.time,
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
    return epoch + 1;
  };
}
