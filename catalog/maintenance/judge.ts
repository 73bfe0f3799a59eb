/**
 * Decides what becomes of files that no snapshot names (durability rules 14 to 16). Pure. A file goes through three looks, each
 * in a later transaction than the one before: *seen*, and then left alone for as long as a restore, a reader or a transaction may
 * need it; *condemned*, from when on no commit may name it; and, when everybody who began before that is gone and it is
 * still nobody's, deleted. Whatever does not fit starts over or stays.
 */
import type { GarbageKind } from './ports.ts';

/** A file that was found by an earlier look. Times are milliseconds since 1970 by this pod's clock: clients' clocks are not believed. */
export interface Candidate {
  /** Absolute. */
  readonly path: string;
  readonly kind: GarbageKind;
  readonly seenAt: number;
  readonly condemned: { readonly epoch: number; readonly at: number } | null;
}

export interface Floors {
  /** States of the catalog since then can be restored, and may name files that left it later. */
  readonly keepSince: number;
  /** Names of other lakes with the same files. */
  readonly relatives: readonly string[];
  /** When this pod became the leader. Who read under the one before is not known here. */
  readonly ledSince: number;
  /** The longest that a reader goes on without a leader that knows it, milliseconds. */
  readonly readerAgeMsMax: number;
  /** Transactions older than this cannot commit (catalog/metadata/traffic.ts), milliseconds. */
  readonly writeTransactionMsMax: number;
  /** Added to every wait. */
  readonly marginMs: number;
  /** Since when the oldest transaction on the lake has been open; null when there is none. */
  readonly oldestTransactionAt: number | null;
  readonly epoch: number;
  /** Names that commits are refused for now, in this process. */
  readonly guarded: ReadonlySet<string>;
}

export interface JudgeInput {
  readonly known: readonly Candidate[];
  /** What a search of this moment found; null for a kind that was not searched for. */
  readonly found: Readonly<Record<GarbageKind, readonly string[] | null>>;
  /** Last parts of the paths of all files that some snapshot names. */
  readonly named: ReadonlySet<string>;
  readonly floors: Floors;
  /** Files that one look may condemn. */
  readonly condemnMax: number;
  readonly now: number;
}

export interface Verdict {
  /** What is known after this look. */
  readonly candidates: readonly Candidate[];
  /** Files to delete once the look is durable. They are no candidates any more. */
  readonly doomed: readonly Candidate[];
  /** False when the look found everything as it was: nothing is to be written. */
  readonly isChanged: boolean;
  /** Sentences for people: what stays, and why. */
  readonly keeps: readonly string[];
  /** When another look may do more; null = when somebody writes. */
  readonly wakeAt: number | null;
}

/** The last part of a path. Files are compared by it: two files of one name are kept rather than taken for each other. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** One look. */
export function judge(input: JudgeInput): Verdict {
  const { floors, now } = input;
  const candidates = noticed(input);
  const hold = heldBy(floors, now);
  const isAlone = (since: number): boolean => floors.oldestTransactionAt === null || floors.oldestTransactionAt > since;
  const next: Candidate[] = [];
  const doomed: Candidate[] = [];
  let condemnedCount = 0;
  let youngest: number | null = null;
  let waiting = 0;
  for (const candidate of candidates) {
    const condemned = stillCondemned(candidate, floors);
    if (hold !== null || !isAlone(condemned?.at ?? candidate.seenAt)) {
      // Guarded names stay guarded: who is in a transaction now may still end.
      next.push({ ...candidate, condemned: hold === null ? condemned : null });
      waiting++;
    } else if (condemned) {
      doomed.push(candidate);
    } else if (ripeAt(candidate, floors, now) > now) {
      const at = ripeAt(candidate, floors, now);
      if (youngest === null || at < youngest) youngest = at;
      next.push({ ...candidate, condemned: null });
    } else if (condemnedCount < input.condemnMax) {
      condemnedCount++;
      next.push({ ...candidate, condemned: { epoch: floors.epoch, at: now } });
    } else {
      next.push({ ...candidate, condemned: null });
      waiting++;
    }
  }
  return {
    candidates: next,
    doomed,
    isChanged: doomed.length > 0 || !isSame(input.known, next),
    keeps: reasons(next, { hold, waiting, youngest, floors }),
    wakeAt:
      condemnedCount > 0 || doomed.length > 0 ? now : lookAgainAt(now, { kept: next.length, hold, waiting, youngest, floors }),
  };
}

/** Known and newly found files, without those that were named (again) or that a search did not find any more. */
function noticed({ known, found, named, now }: JudgeInput): Candidate[] {
  const paths = { old: new Set(found.old ?? []), orphan: new Set(found.orphan ?? []) };
  const kept = known.filter(
    ({ path, kind, condemned }) =>
      !named.has(nameOf(path)) && (found[kind] === null || condemned !== null || paths[kind].has(path)),
  );
  const present = new Set(kept.map(({ path }) => path));
  const more = (['old', 'orphan'] as const).flatMap((kind) =>
    [...paths[kind]]
      .filter((path) => !present.has(path) && !named.has(nameOf(path)))
      .map((path): Candidate => ({ path, kind, seenAt: now, condemned: null })),
  );
  return [...kept, ...more];
}

/** Only what this process guards is condemned: after a takeover the look is repeated under the new epoch. */
function stillCondemned({ path, condemned }: Candidate, { epoch, guarded }: Floors): Candidate['condemned'] {
  return condemned !== null && condemned.epoch === epoch && guarded.has(nameOf(path)) ? condemned : null;
}

/** Why nothing at all may be deleted now; null when something may. */
function heldBy({ relatives, ledSince, readerAgeMsMax }: Floors, now: number): 'relatives' | 'takeover' | null {
  if (relatives.length > 0) return 'relatives';
  // Rule 15. A clock that was set back keeps everything a little longer.
  return now < ledSince + readerAgeMsMax ? 'takeover' : null;
}

/** Rule 16: as long as a state that can be restored may name it; rule 14: as long as a transaction may be about to. */
function ripeAt({ kind, seenAt }: Candidate, floors: Floors, now: number): number {
  const retention = now - floors.keepSince;
  const age = kind === 'old' ? floors.readerAgeMsMax : Math.max(floors.readerAgeMsMax, floors.writeTransactionMsMax);
  return seenAt + Math.max(retention, age) + floors.marginMs;
}

function isSame(before: readonly Candidate[], after: readonly Candidate[]): boolean {
  if (before.length !== after.length) return false;
  const old = new Map(before.map((candidate) => [candidate.path, candidate]));
  return after.every((candidate) => {
    const was = old.get(candidate.path);
    return (
      was !== undefined &&
      was.kind === candidate.kind &&
      was.condemned?.at === candidate.condemned?.at &&
      was.condemned?.epoch === candidate.condemned?.epoch
    );
  });
}

function reasons(
  kept: readonly Candidate[],
  { hold, waiting, youngest, floors }: { hold: string | null; waiting: number; youngest: number | null; floors: Floors },
): string[] {
  if (kept.length === 0) return [];
  const files = `${kept.length} files that no snapshot names`;
  if (hold === 'relatives') return [`${files}: ${floors.relatives.join(', ')} may name them, which has the same data path`];
  if (hold === 'takeover')
    return [
      `${files}: readers from before this pod's start may need them until ${isoTime(floors.ledSince + floors.readerAgeMsMax)}`,
    ];
  const lines: string[] = [];
  if (waiting > 0 && floors.oldestTransactionAt !== null)
    lines.push(
      `${waiting} files that no snapshot names: a transaction open since ${isoTime(floors.oldestTransactionAt)} may need them`,
    );
  if (youngest !== null)
    lines.push(
      `${kept.length - waiting} files that no snapshot names: restores within the retention may need them, the first of them until ${isoTime(youngest)}`,
    );
  return lines;
}

/** When to look again: at a known end, or after a while where nobody knows it (an open transaction, another lake). */
function lookAgainAt(now: number, { kept, hold, waiting, youngest, floors }: Outlook): number | null {
  if (kept === 0) return null;
  if (hold === 'takeover') return floors.ledSince + floors.readerAgeMsMax;
  if (hold === 'relatives') return now + relativesMs;
  if (waiting === 0) return youngest;
  return Math.min(now + waitingMs, youngest ?? Number.POSITIVE_INFINITY);
}

interface Outlook {
  readonly kept: number;
  readonly hold: 'relatives' | 'takeover' | null;
  /** Files that an open transaction, or the bound of one look, keeps. */
  readonly waiting: number;
  /** When the first of the others is ripe. */
  readonly youngest: number | null;
  readonly floors: Floors;
}

const waitingMs = 3_600_000;
const relativesMs = 24 * 3_600_000;

function isoTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).concat('Z');
}
