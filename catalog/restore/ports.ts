/** What restoring lakes needs handed in, and what it offers. Types only; arguments and results can be cloned to another thread. */
import type { Lake } from '../../base/domain.ts';
import type { LakeError } from '../../base/errors.ts';

/** Where to: a position of the log, a time (milliseconds since 1970), or just before the lake was dropped. */
export type RestoreTo =
  | { readonly t: 'position'; readonly epoch: number; readonly seq: number }
  | { readonly t: 'time'; readonly time: number }
  | { readonly t: 'drop' };

export interface RestoreLakeRequest {
  readonly name: string;
  readonly to: RestoreTo;
  /** Name of a new lake to restore into; the present one stays as it is. */
  readonly as?: string | undefined;
  /** `to` as it was written: an age is another time each time, and a repeated request is told by its words. */
  readonly said?: string | undefined;
}

export interface RestoredLake {
  readonly lake: Lake;
  /** The point of the log that the lake shows. `time` is null when the log does not tell it. */
  readonly restored: { readonly position: string; readonly time: number | null };
  /** `restore --to` this undoes the restore; null when there was no lake of that name before. */
  readonly before: string | null;
}

/** The metadata sessions, as far as a restore is concerned. */
export interface SessionsHold {
  /** Ends all sessions on a lake and refuses new ones with `error` until `release`. Resolves when none is left. */
  hold(lakeId: string, error: LakeError): Promise<void>;
  release(lakeId: string): void;
}
