/**
 * STRUCT, MAP, UNION and VARIANT as json text. A struct is an object; a map is an object too, its keys as text; a
 * union is its member under the member's tag; times are in PostgreSQL's text, decimals keep all digits, and the numbers
 * JSON has not (NaN, Infinity) are strings, as PostgreSQL's to_json does.
 */
import type {
  DuckDBBlobValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBType,
  DuckDBUnionValue,
  DuckDBVariantValue,
} from '@duckdb/node-api';
import { DuckDBTimestampValue, DuckDBTypeId, SQLNULL } from '@duckdb/node-api';
import { formatNumeric } from '../../../base/pg-numeric.ts';
import { CellWriter, type OutputSettings } from './cell.ts';
import { putOffset } from './datetime.ts';
import { formatInterval } from './interval.ts';
import type { RawVector } from './vector.ts';
import { valueVector } from './vector.ts';

/** The JSON text of a value read by @duckdb/node-api as `type`. Fields of a struct keep their declared order. */
export function toJson(value: unknown, type: DuckDBType, settings: OutputSettings): string {
  if (value === null || value === undefined) return 'null';
  switch (type.typeId) {
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.ARRAY:
      return `[${(value as DuckDBListValue).items.map((item) => toJson(item, type.valueType, settings)).join(',')}]`;
    case DuckDBTypeId.STRUCT: {
      const { entries } = value as DuckDBStructValue;
      return `{${type.entryNames.map((name, index) => `${JSON.stringify(name)}:${toJson(entries[name], type.entryTypes[index] as DuckDBType, settings)}`).join(',')}}`;
    }
    case DuckDBTypeId.MAP:
      return `{${(value as DuckDBMapValue).entries.map(({ key, value: entry }) => `${toKey(key, type.keyType, settings)}:${toJson(entry, type.valueType, settings)}`).join(',')}}`;
    case DuckDBTypeId.UNION: {
      const { tag, value: member } = value as DuckDBUnionValue;
      return `{${JSON.stringify(tag)}:${toJson(member, type.memberTypeForTag(tag), settings)}}`;
    }
    case DuckDBTypeId.VARIANT: {
      const variant = value as DuckDBVariantValue;
      return toJson(variant.value, variant.type ?? SQLNULL, settings);
    }
    case DuckDBTypeId.VARCHAR:
      return type.alias === 'JSON' ? (value as string) : JSON.stringify(value);
    case DuckDBTypeId.DECIMAL:
      return formatNumeric((value as DuckDBDecimalValue).value, type.scale);
    case DuckDBTypeId.INTERVAL: {
      const { months, days, micros } = value as DuckDBIntervalValue;
      return JSON.stringify(formatInterval(months, days, micros));
    }
    case DuckDBTypeId.TIMESTAMP_TZ: {
      const { micros, isFinite } = value as DuckDBTimestampTZValue;
      if (!isFinite) return micros > 0n ? '"infinity"' : '"-infinity"';
      const offset = settings.offsetAt(Number(micros));
      const text = Buffer.alloc(9);
      return JSON.stringify(
        `${new DuckDBTimestampValue(micros + BigInt(offset) * 1_000_000n)}${text.toString('latin1', 0, putOffset(text, 0, offset))}`,
      );
    }
    case DuckDBTypeId.BLOB:
      return JSON.stringify(`\\x${Buffer.from((value as DuckDBBlobValue).bytes).toString('hex')}`);
  }
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${value}"`;
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  return JSON.stringify(String(value));
}

function toKey(key: unknown, type: DuckDBType, settings: OutputSettings): string {
  const json = toJson(key, type, settings);
  return json.startsWith('"') ? json : JSON.stringify(json);
}

/** Builds each cell when its chunk is loaded: these types are read value by value. */
export class JsonWriter extends CellWriter {
  override readonly plain = false;
  readonly #type: DuckDBType;
  readonly #settings: OutputSettings;
  #vector: { getItem(index: number): unknown } = { getItem: () => null };
  #row = -1;
  #cell: Buffer = Buffer.alloc(0);

  constructor(type: DuckDBType, settings: OutputSettings) {
    super();
    this.#type = type;
    this.#settings = settings;
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

  protected encode(value: unknown): string {
    return toJson(value, this.#type, this.#settings);
  }

  #encode(row: number): Buffer {
    if (this.#row !== row) {
      this.#cell = Buffer.from(this.encode(this.#vector.getItem(row)));
      this.#row = row;
    }
    return this.#cell;
  }
}

/** Types without a PostgreSQL counterpart (GEOMETRY and what comes later): their DuckDB text. */
export class FallbackText extends JsonWriter {
  protected override encode(value: unknown): string {
    return String(value);
  }
}
