/** int2vector and oidvector, which only catalog views have: elements separated by spaces. Source: int.c, int2vectorout. */
import { ListShape } from './array.ts';

export class VectorText extends ListShape {
  bytesMax(row: number): number {
    return this.length(row) * 12;
  }

  write(out: Uint8Array, start: number, row: number): number {
    const first = this.start(row);
    const end = first + this.length(row);
    let at = start;
    for (let i = first; i < end; i++) {
      if (i > first) out[at++] = 0x20;
      at = this.element.write(out, at, i);
    }
    return at;
  }
}
