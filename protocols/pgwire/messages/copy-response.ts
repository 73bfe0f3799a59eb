/** CopyInResponse 'G' and CopyOutResponse 'H': int8 overall format, int16 count, int16 format per column; CopyDone 'c'. Source: PostgreSQL documentation, 54.7. */
import type { Outbox } from '../outbox.ts';

/** 'G' CopyInResponse or 'H' CopyOutResponse: the overall format, then one for each column. */
export function writeCopyResponse(out: Outbox, direction: 'in' | 'out', binary: boolean, columnCount: number): void {
  const format = binary ? 1 : 0;
  out
    .begin(direction === 'in' ? 0x47 : 0x48)
    .byte(format)
    .int16(columnCount);
  for (let i = 0; i < columnCount; i++) out.int16(format);
  out.end();
}

/** 'c' CopyDone. */
export function writeCopyDone(out: Outbox): void {
  out.begin(0x63).end();
}
