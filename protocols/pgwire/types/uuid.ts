/** uuid: DuckDB keeps 128 bits, little endian, with the top bit flipped so that order as a number is order as text. */
import { put32 } from './digits.ts';
import { FixedWriter } from './integer.ts';

const hexDigits = Buffer.from('0123456789abcdef');

export class UuidWriter extends FixedWriter {
  readonly #binary: boolean;
  readonly #raw = new Uint8Array(16);

  constructor(binary: boolean) {
    super(16, 36);
    this.#binary = binary;
  }

  write(out: Uint8Array, at: number, row: number): number {
    const raw = this.#binary ? out : this.#raw;
    const start = this.#binary ? at : 0;
    const { u32 } = this;
    put32(raw, start, (u32[row * 4 + 3] as number) ^ 0x80000000);
    put32(raw, start + 4, u32[row * 4 + 2] as number);
    put32(raw, start + 8, u32[row * 4 + 1] as number);
    put32(raw, start + 12, u32[row * 4] as number);
    if (this.#binary) return at + 16;
    let end = at;
    for (let i = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) out[end++] = 0x2d;
      const byte = raw[i] as number;
      out[end++] = hexDigits[byte >> 4] as number;
      out[end++] = hexDigits[byte & 15] as number;
    }
    return end;
  }
}
