/**
 * STRUCT, MAP, UNION and VARIANT as json text. A struct is an object; a map is an object too, its keys as text; a
 * union is its member under the member's tag; times are in PostgreSQL's text, decimals keep all digits, and the numbers
 * JSON has not (NaN, Infinity) are strings, as PostgreSQL's to_json does.
 */
import type { DuckDBType } from '@duckdb/node-api';
import {
  DuckDBArrayValue, DuckDBBitValue, DuckDBBlobValue, DuckDBDecimalValue, DuckDBIntervalValue, DuckDBListValue, DuckDBMapValue,
  DuckDBStructValue, DuckDBTimestampTZValue, DuckDBUnionValue, DuckDBVariantValue,
} from '@duckdb/node-api';
import { formatNumeric } from '../../../base/pg-numeric.ts';
import { CellWriter } from './cell.ts';
import { formatInterval } from './interval.ts';
import type { RawVector } from './vector.ts';
import { valueVector } from './vector.ts';

/** The JSON text of a value read by @duckdb/node-api. */
export function toJson(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${value}"`;
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof DuckDBDecimalValue) return formatNumeric(value.value, value.scale);
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return `[${value.items.map(toJson).join(',')}]`;
  if (value instanceof DuckDBStructValue) {
    return `{${Object.entries(value.entries).map(([name, entry]) => `${JSON.stringify(name)}:${toJson(entry)}`).join(',')}}`;
  }
  if (value instanceof DuckDBMapValue) {
    return `{${value.entries.map(({ key, value: entry }) => `${toKey(key)}:${toJson(entry)}`).join(',')}}`;
  }
  if (value instanceof DuckDBUnionValue) return `{${JSON.stringify(value.tag)}:${toJson(value.value)}}`;
  if (value instanceof DuckDBVariantValue) return toJson(value.value);
  return JSON.stringify(toPlainText(value));
}

function toKey(key: unknown): string {
  const json = toJson(key);
  return json.startsWith('"') ? json : JSON.stringify(json);
}

function toPlainText(value: unknown): string {
  if (value instanceof DuckDBIntervalValue) return formatInterval(value.months, value.days, value.micros);
  if (value instanceof DuckDBBlobValue) return `\\x${Buffer.from(value.bytes).toString('hex')}`;
  if (value instanceof DuckDBBitValue) return value.toString();
  if (value instanceof DuckDBTimestampTZValue) return new DuckDBTimestampTZValue(value.micros).toString();
  return String(value);
}

/** Builds each cell when its chunk is loaded: these types are read value by value. */
export class JsonWriter extends CellWriter {
  override readonly plain = false;
  readonly #type: DuckDBType;
  #vector: { getItem(index: number): unknown } = { getItem: () => null };
  #row = -1;
  #cell: Buffer = Buffer.alloc(0);

  constructor(type: DuckDBType) {
    super();
    this.#type = type;
  }

  load(vector: RawVector, count: number): void {
    this.#vector = valueVector(vector, count, this.#type);
    this.#row = -1;
  }

  override isNull(row: number): boolean {
    return this.#vector.getItem(row) === null;
  }

  bytesMax(row: number): number {
    return this.#encode(row).length;
  }

  write(out: Uint8Array, at: number, row: number): number {
    const cell = this.#encode(row);
    out.set(cell, at);
    return at + cell.length;
  }

  #encode(row: number): Buffer {
    if (this.#row !== row) {
      this.#cell = Buffer.from(toJson(this.#vector.getItem(row)));
      this.#row = row;
    }
    return this.#cell;
  }
}

/** Types without a PostgreSQL counterpart (GEOMETRY and what comes later): their DuckDB text. */
export class FallbackText extends JsonWriter {}
