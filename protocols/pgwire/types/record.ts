/**
 * Structs without field names (`ROW(1, 'a')`, `(1, 'a')`) as record. Text `(1,a,)`: an empty place is NULL, and what could
 * be mistaken is quoted. Binary int32 fields, then for each int32 type oid, int32 length or -1, and the value. Fields are
 * written by their own writers from the child vectors. Source: rowtypes.c, record_out and record_send.
 */
import { CellWriter } from './cell.ts';
import { put32 } from './digits.ts';
import type { RawVector } from './vector.ts';
import { mapValidity, structChild } from './vector.ts';

/** A field's writer and the type it is announced as. */
export interface RecordField {
  readonly writer: CellWriter;
  readonly oid: number;
}

abstract class RecordWriter extends CellWriter {
  override readonly plain = false;
  protected readonly fields: readonly RecordField[];

  constructor(fields: readonly RecordField[]) {
    super();
    this.fields = fields;
  }

  load(vector: RawVector, count: number): void {
    this.validity = mapValidity(vector, count);
    this.fields.forEach(({ writer }, i) => {
      writer.load(structChild(vector, i), count);
    });
  }

  /** What each field may take, NULL taking nothing. */
  protected sumOfMax(row: number): number {
    let sum = 0;
    for (const { writer } of this.fields) if (!writer.isNull(row)) sum += writer.bytesMax(row);
    return sum;
  }
}

export class RecordText extends RecordWriter {
  #field: Uint8Array = new Uint8Array(256);

  // Every byte may be doubled; two quotes and a comma for each field.
  bytesMax(row: number): number {
    return 2 + 2 * this.sumOfMax(row) + 3 * this.fields.length;
  }

  write(out: Uint8Array, at: number, row: number): number {
    let end = at;
    out[end++] = 0x28;
    this.fields.forEach(({ writer }, i) => {
      if (i > 0) out[end++] = 0x2c;
      if (writer.isNull(row)) return;
      const max = writer.bytesMax(row);
      if (this.#field.length < max) this.#field = new Uint8Array(max * 2);
      end = putField(out, end, this.#field.subarray(0, writer.write(this.#field, 0, row)));
    });
    out[end++] = 0x29;
    return end;
  }
}

const quote = 0x22;
const backslash = 0x5c;

function putField(out: Uint8Array, at: number, field: Uint8Array): number {
  const isQuoted = field.length === 0 || field.some(isSpecial);
  let end = at;
  if (isQuoted) out[end++] = quote;
  for (const byte of field) {
    if (byte === quote || byte === backslash) out[end++] = byte;
    out[end++] = byte;
  }
  if (isQuoted) out[end++] = quote;
  return end;
}

/** `"`, `\`, parentheses, the comma, and isspace(). */
function isSpecial(byte: number): boolean {
  return (
    byte === quote ||
    byte === backslash ||
    byte === 0x28 ||
    byte === 0x29 ||
    byte === 0x2c ||
    byte === 0x20 ||
    (byte >= 0x09 && byte <= 0x0d)
  );
}

export class RecordBinary extends RecordWriter {
  bytesMax(row: number): number {
    return 4 + 8 * this.fields.length + this.sumOfMax(row);
  }

  write(out: Uint8Array, at: number, row: number): number {
    put32(out, at, this.fields.length);
    let end = at + 4;
    for (const { writer, oid } of this.fields) {
      put32(out, end, oid);
      const isNull = writer.isNull(row);
      const after = isNull ? end + 8 : writer.write(out, end + 8, row);
      put32(out, end + 4, isNull ? -1 : after - end - 8);
      end = after;
    }
    return end;
  }
}
