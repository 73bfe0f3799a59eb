/** BIT as varbit. DuckDB: one byte of padding count, then the bits right-aligned; the wire: int32 bit count, then the bits left-aligned. */
import { put32 } from './digits.ts';
import { StringWriter } from './string.ts';

export class BitWriter extends StringWriter {
  readonly #binary: boolean;

  constructor(binary: boolean) {
    super();
    this.#binary = binary;
  }

  override bytesMax(row: number): number {
    return (this.cells.lengths[row] as number) * 8 + 8;
  }

  override write(out: Uint8Array, at: number, row: number): number {
    const stored = this.cells.view(row);
    const padding = stored[0] as number;
    const count = (stored.length - 1) * 8 - padding;
    const bit = (index: number): number =>
      ((stored[1 + ((index + padding) >> 3)] as number) >> (7 - ((index + padding) & 7))) & 1;
    if (!this.#binary) {
      for (let i = 0; i < count; i++) out[at + i] = 48 + bit(i);
      return at + count;
    }
    put32(out, at, count);
    const bytes = (count + 7) >> 3;
    out.fill(0, at + 4, at + 4 + bytes);
    for (let i = 0; i < count; i++) {
      const index = at + 4 + (i >> 3);
      out[index] = (out[index] as number) | (bit(i) << (7 - (i & 7)));
    }
    return at + 4 + bytes;
  }
}
