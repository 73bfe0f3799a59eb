/**
 * What the log says so far: which databases exist, the base and generation of each, how much WAL follows. Pure: it is
 * fed log objects in order and proves that each one continues the last (epoch, number, chained digest; per database
 * uuid, generation, offset, running digest), because DuckDB itself does not notice a WAL of another file. A leader
 * feeds it what it has shipped; a restart, what it reads back.
 */
import { createHash, type Hash } from 'node:crypto';
import { assert, LakeError } from '../../base/errors.ts';
import type { Anchor } from './anchor.ts';
import { type Base, baseDigest, chunksLength, type Control } from './control.ts';
import { comparePositions } from './names.ts';
import type { LogPosition } from './ports.ts';
import { genesisDigest, type LogObject, type RowsEntry, type WalEntry } from './segment.ts';

export interface DatabaseState {
  /** Uuid. */
  readonly database: string;
  readonly name: string;
  base: Base;
  /**
   * Its WAL bytes lie after this: where `base` entered the log, then where the first of them did. Moving it forward
   * matters: a floor that had passed over a database without WAL must not fall back when that gets some.
   */
  since: LogPosition;
  /** How many objects this ledger had taken at `since`. */
  sinceObjects: number;
  /** Length of the WAL of this generation, base included. */
  walEnd: number;
  /** Commits behind that which are in the log as changes of rows only. */
  rows: number;
  /** Running digest at `walEnd`. */
  digest: Buffer;
}

/** What a restore does with an object's content, in order. */
export type Applied =
  | { readonly t: 'wal'; readonly entry: WalEntry }
  | { readonly t: 'rows'; readonly entry: RowsEntry }
  | { readonly t: 'control'; readonly control: Control };

export class Ledger {
  /** Everything up to and including this is in. After a terminal: (successor, 0). */
  position: LogPosition;
  /** Digest of the last object; null while the first one after a floor has not come. */
  digest: Buffer | null;
  /** Time of the last object, milliseconds since 1970; 0 = it does not say. */
  time = 0;
  /** Objects taken, floor to here: what a restart would read at most. */
  objects = 0;
  readonly databases = new Map<string, DatabaseState>();
  #hashes: Map<string, Hash> | null;
  #anchor: Anchor | null = null;

  /** `verify` recomputes running digests; a leader feeding its own segments need not. */
  constructor(options: { verify: boolean }) {
    this.position = { epoch: 0, seq: 0 };
    this.digest = genesisDigest;
    this.#hashes = options.verify ? new Map() : null;
  }

  /** The state of an anchor, wound back to its floor: WAL bytes since then must be fed again. */
  static fromAnchor(anchor: Anchor): Ledger {
    const ledger = new Ledger({ verify: true });
    ledger.position = anchor.floor;
    const isAtFloor = comparePositions(anchor.floor, anchor.position) === 0;
    ledger.digest = isAtFloor ? anchor.digest : null;
    ledger.time = isAtFloor ? anchor.time : 0;
    for (const state of anchor.databases) ledger.#begin(state.database, state.name, state.base, state.since);
    ledger.#anchor = anchor;
    ledger.#settleAnchor();
    return ledger;
  }

  /** A ledger that goes on from here without recomputing digests (for the leader's own segments). */
  toLeading(): Ledger {
    const ledger = new Ledger({ verify: false });
    ledger.position = this.position;
    ledger.digest = this.digest;
    ledger.time = this.time;
    ledger.objects = this.objects;
    for (const [uuid, state] of this.databases) ledger.databases.set(uuid, { ...state });
    return ledger;
  }

  /** Where the next object lies. */
  get next(): LogPosition {
    return { epoch: this.position.epoch, seq: this.position.seq + 1 };
  }

  /** True until everything that the anchor promises has been fed. */
  get isBelowAnchor(): boolean {
    return this.#anchor !== null;
  }

  byName(name: string): DatabaseState | undefined {
    for (const state of this.databases.values()) if (state.name === name) return state;
    return undefined;
  }

  /** The running hash of a database, to go on from. Only while verifying. */
  hashOf(database: string): Hash {
    const hash = this.#hashes?.get(database);
    if (!hash) throw new LakeError('internal', 'no running digest is kept for this database');
    return hash.copy();
  }

  /** Everything after this is needed to rebuild the present. */
  floor(): LogPosition {
    let floor = this.position;
    for (const state of this.databases.values()) {
      const isBehind = state.walEnd > chunksLength(state.base.wal) || state.rows > 0;
      if (isBehind && comparePositions(state.since, floor) < 0) floor = state.since;
    }
    return floor;
  }

  /**
   * Throws `internal` when `object` would not be taken. Asked before it is put: what does not continue the log would be
   * durable for ever and stop every later restore.
   */
  check(object: LogObject): void {
    const { epoch, seq } = this.next;
    assert(
      object.epoch === epoch && object.seq === seq && this.digest?.equals(object.previous),
      `a segment for ${epoch}/${seq} was cut for ${object.epoch}/${object.seq}`,
    );
    if (object.t === 'terminal') return;
    if (object.entries.some((entry) => entry.t === 'control')) {
      this.toLeading().apply(object, 'being written', object.previous);
      return;
    }
    const ends = new Map<string, { walEnd: number; rows: number }>();
    for (const entry of object.entries) {
      if (entry.t === 'control') continue;
      const state = this.databases.get(entry.database);
      const end = ends.get(entry.database) ?? { walEnd: state?.walEnd ?? -1, rows: state?.rows ?? 0 };
      ends.set(entry.database, end);
      const start = entry.t === 'wal' ? entry.start : entry.walEnd;
      assert(
        state && state.base.generation === entry.generation && end.walEnd === start,
        `bytes of ${state?.name ?? entry.database} were cut at ${start} of generation ${entry.generation}`,
      );
      if (entry.t === 'rows') {
        assert(end.rows === entry.index, `commit ${entry.index} behind the WAL of ${state.name} was cut after ${end.rows}`);
        end.rows++;
      } else {
        end.walEnd += entry.bytes.length;
        end.rows = 0;
      }
    }
  }

  /** Takes the next object in. Throws `corrupt`, naming `name`, if it does not continue what is here; then nothing changed that may be used. */
  apply(object: LogObject, name: string, digest: Buffer): Applied[] {
    const bad = (what: string): LakeError =>
      new LakeError('corrupt', `the log object ${name} does not continue the log: ${what}`, {
        hint: 'restore this object from a copy of the bucket, or end the log before it: boilstream restore --to EPOCH/SEQ',
      });
    if (object.epoch !== this.position.epoch || object.seq !== this.position.seq + 1) {
      throw bad(`it says ${object.epoch}/${object.seq} where ${this.next.epoch}/${this.next.seq} belongs`);
    }
    if (this.digest !== null && !object.previous.equals(this.digest)) throw bad('it follows another predecessor');
    this.digest = Buffer.from(digest);
    this.objects++;
    this.time = Math.max(this.time, object.time);
    if (object.t === 'terminal') {
      this.position = { epoch: object.successor, seq: 0 };
      this.#settleAnchor();
      return [];
    }
    this.position = { epoch: object.epoch, seq: object.seq };
    const applied: Applied[] = [];
    for (const entry of object.entries) {
      if (entry.t === 'wal') {
        if (this.#wal(entry, bad)) applied.push({ t: 'wal', entry });
      } else if (entry.t === 'rows') {
        if (this.#rows(entry, bad)) applied.push({ t: 'rows', entry });
      } else if (!this.#anchor) {
        this.#control(entry.control, bad);
        applied.push({ t: 'control', control: entry.control });
      }
    }
    this.#settleAnchor();
    return applied;
  }

  /** The database that an entry goes on with; undefined if the anchor is about a later state of it. */
  #continued(entry: WalEntry | RowsEntry, bad: (what: string) => LakeError): DatabaseState | undefined {
    const state = this.databases.get(entry.database);
    // Below the anchor there are bytes of databases since dropped and of generations since replaced.
    const isPast = !state || entry.generation < state.base.generation || comparePositions(this.position, state.since) <= 0;
    if (this.#anchor && isPast) return undefined;
    if (!state) throw bad(`it has bytes of database ${entry.database}, which does not exist here`);
    if (entry.generation !== state.base.generation)
      throw bad(`it has generation ${entry.generation} of ${state.name}, whose generation is ${state.base.generation}`);
    return state;
  }

  /** What is needed of the log begins with the first thing behind the base. */
  #moveSince(state: DatabaseState): void {
    if (state.walEnd !== chunksLength(state.base.wal) || state.rows > 0 || this.#anchor) return;
    state.since = { epoch: this.position.epoch, seq: this.position.seq - 1 };
    state.sinceObjects = this.objects - 1;
  }

  #rows(entry: RowsEntry, bad: (what: string) => LakeError): boolean {
    const state = this.#continued(entry, bad);
    if (!state) return false;
    if (entry.walEnd !== state.walEnd || entry.index !== state.rows)
      throw bad(
        `its commit ${entry.index} of ${state.name} belongs behind ${entry.walEnd}, but the WAL so far ends at ${state.walEnd} with ${state.rows} behind it`,
      );
    this.#moveSince(state);
    state.rows++;
    return true;
  }

  #wal(entry: WalEntry, bad: (what: string) => LakeError): boolean {
    const state = this.#continued(entry, bad);
    if (!state) return false;
    if (entry.start !== state.walEnd)
      throw bad(`its bytes of ${state.name} begin at ${entry.start}, but the WAL so far ends at ${state.walEnd}`);
    const hash = this.#hashes?.get(entry.database);
    if (hash) {
      hash.update(entry.bytes);
      if (!hash.copy().digest().equals(entry.digest)) throw bad(`its bytes of ${state.name} belong to another base`);
    }
    this.#moveSince(state);
    state.walEnd += entry.bytes.length;
    state.rows = 0;
    state.digest = Buffer.from(entry.digest);
    return true;
  }

  #control(control: Control, bad: (what: string) => LakeError): void {
    const state = this.databases.get(control.database);
    if (control.t === 'create') {
      if (state || this.byName(control.name)) throw bad(`it creates ${control.name}, which exists`);
      this.#begin(control.database, control.name, control.base, this.position);
      return;
    }
    if (!state) throw bad(`it changes database ${control.database}, which does not exist here`);
    if (control.t === 'drop') {
      this.databases.delete(control.database);
      this.#hashes?.delete(control.database);
      return;
    }
    if (control.base.generation !== state.base.generation + 1)
      throw bad(`it makes generation ${control.base.generation} of ${state.name} after ${state.base.generation}`);
    this.#begin(control.database, state.name, control.base, this.position);
  }

  #begin(database: string, name: string, base: Base, since: LogPosition): void {
    const digest = baseDigest(database, base);
    this.databases.set(database, {
      database,
      name,
      base,
      since,
      sinceObjects: this.objects,
      walEnd: chunksLength(base.wal),
      rows: 0,
      digest,
    });
    this.#hashes?.set(database, createHash('sha256').update(digest));
  }

  /** On reaching the anchor's position, what was fed must be what the anchor recorded. */
  #settleAnchor(): void {
    const anchor = this.#anchor;
    if (!anchor || comparePositions(this.position, anchor.position) < 0) return;
    const name = `${anchor.position.epoch}/${anchor.position.seq}`;
    const bad = (what: string): LakeError =>
      new LakeError('corrupt', `the log does not match its anchor at ${name}: ${what}`, {
        hint: 'restore the objects of the log from a copy of the bucket',
      });
    if (comparePositions(this.position, anchor.position) !== 0) throw bad('its position was passed by');
    if (!this.digest?.equals(anchor.digest)) throw bad('the object there is another one');
    for (const promised of anchor.databases) {
      const state = this.databases.get(promised.database);
      if (!state || state.walEnd !== promised.walEnd || !state.digest.equals(promised.digest))
        throw bad(`the WAL of ${promised.name} ends elsewhere`);
    }
    this.#anchor = null;
  }
}
