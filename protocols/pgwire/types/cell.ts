/**
 * How one column becomes bytes. A writer is made once per column of a result and format, loads the column's vector of
 * each chunk, and then writes cells by row straight into the answer's buffer: no JavaScript value is made per cell on
 * the types that matter. Writers of nested types hold writers of their elements.
 */
import type { IntervalStyle } from './interval-style.ts';
import type { RawVector } from './vector.ts';

/** The session's DateStyle: how dates are written, and in which order day and month stand where the style leaves it open. */
export interface DateStyle {
  readonly style: 'ISO' | 'SQL' | 'Postgres' | 'German';
  readonly order: 'MDY' | 'DMY' | 'YMD';
}

/** What text output depends on in a session. */
export interface OutputSettings {
  readonly dateStyle: DateStyle;
  readonly intervalStyle: IntervalStyle;
  /** The session's TimeZone. */
  readonly zoneName: string;
  /** Seconds east of Greenwich of the session's TimeZone at an instant (microseconds since 1970). */
  offsetAt(utcMicros: number): number;
}

export abstract class CellWriter {
  /** Null when no row of the loaded vector is NULL; see VectorMemory. */
  validity: Uint8Array | null = null;
  /** True when text output can hold nothing that COPY text or CSV must escape or quote. */
  readonly plain: boolean = true;

  /** Takes the vector of the next chunk. */
  abstract load(vector: RawVector, count: number): void;
  /** The most bytes `write` may add for this row. */
  abstract bytesMax(row: number): number;
  /** Writes the cell (never a NULL one) at `at`; there is room for `bytesMax`. Returns the end. */
  abstract write(out: Uint8Array, at: number, row: number): number;

  isNull(row: number): boolean {
    const validity = this.validity;
    return validity !== null && ((validity[row >> 3] as number) & (1 << (row & 7))) === 0;
  }
}
