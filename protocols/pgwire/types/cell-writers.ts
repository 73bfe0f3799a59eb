/**
 * The table: which writer carries a column in a format. A column is read as the DuckDB type it is and written as the
 * PostgreSQL type it is announced as; the two differ where a catalog view says oid, name or regclass (pgType).
 */
import type { DuckDBArrayType, DuckDBListType, DuckDBType } from '@duckdb/node-api';
import { DuckDBTypeId } from '@duckdb/node-api';
import { LakeError } from '../../../base/errors.ts';
import { elementOid, oid, pgTypes, toPgType } from '../../../base/pg-types.ts';
import type { Column } from '../../../base/statement-session.ts';
import { ArrayBinary, ArrayText } from './array.ts';
import { BitWriter } from './bit.ts';
import type { CellWriter, OutputSettings } from './cell.ts';
import { dateText, timestampText, timestamptzText } from './date-style.ts';
import { DateBinary, TimestampBinary, TimetzWriter, TimeWriter } from './datetime.ts';
import { BignumWriter, decimalKind, NumericBinary, NumericText } from './decimal.ts';
import { Float4Text, Float8Text, FloatBinary } from './float.ts';
import type { SmallKind } from './integer.ts';
import { BoolBinary, BoolText, Int64Binary, Int64Text, SmallBinary, SmallText, Uint64Text } from './integer.ts';
import { IntervalBinary, IntervalText } from './interval.ts';
import { FallbackText, JsonWriter } from './json.ts';
import { RecordBinary, RecordText } from './record.ts';
import { ByteaText, EnumWriter, StringWriter } from './string.ts';
import { UuidWriter } from './uuid.ts';
import { VectorText } from './vector-text.ts';

/** Makes the writer of a column. Throws feature_not_supported when the announced type cannot be had in binary from what is stored. */
export function createCellWriter(column: Column, format: 0 | 1, settings: OutputSettings): CellWriter {
  const announced = column.pgType?.oid ?? toPgType(column.type).oid;
  return create(column.type, announced, format, settings);
}

const small: ReadonlyMap<DuckDBTypeId, SmallKind> = new Map([
  [DuckDBTypeId.TINYINT, 'int8'],
  [DuckDBTypeId.UTINYINT, 'uint8'],
  [DuckDBTypeId.SMALLINT, 'int16'],
  [DuckDBTypeId.USMALLINT, 'uint16'],
  [DuckDBTypeId.INTEGER, 'int32'],
  [DuckDBTypeId.UINTEGER, 'uint32'],
]);

const timestampUnits = new Map([
  [DuckDBTypeId.TIMESTAMP, 'us'],
  [DuckDBTypeId.TIMESTAMP_S, 's'],
  [DuckDBTypeId.TIMESTAMP_MS, 'ms'],
  [DuckDBTypeId.TIMESTAMP_NS, 'ns'],
] as const);

function create(type: DuckDBType, announced: number, format: 0 | 1, settings: OutputSettings): CellWriter {
  const binary = format === 1;
  const kind = small.get(type.typeId);
  if (kind !== undefined) return binary ? new SmallBinary(kind, wireBytes(announced, type)) : new SmallText(kind);
  const unit = (timestampUnits as ReadonlyMap<DuckDBTypeId, 's' | 'ms' | 'us' | 'ns'>).get(type.typeId);
  if (unit !== undefined) return binary ? new TimestampBinary(unit) : timestampText(unit, settings);
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return binary ? new BoolBinary() : new BoolText();
    case DuckDBTypeId.BIGINT:
      return binary ? bigintBinary(announced, type) : new Int64Text();
    case DuckDBTypeId.UBIGINT:
      return binary ? new NumericBinary('uint64', 0) : new Uint64Text();
    case DuckDBTypeId.HUGEINT:
      return binary ? new NumericBinary('int128', 0) : new NumericText('int128', 0);
    case DuckDBTypeId.UHUGEINT:
      return binary ? new NumericBinary('uint128', 0) : new NumericText('uint128', 0);
    case DuckDBTypeId.DECIMAL: {
      const stored = decimalKind(type.width);
      return binary ? new NumericBinary(stored, type.scale) : new NumericText(stored, type.scale);
    }
    case DuckDBTypeId.BIGNUM:
      return new BignumWriter(type, binary);
    case DuckDBTypeId.FLOAT:
      return binary ? new FloatBinary(4) : new Float4Text();
    case DuckDBTypeId.DOUBLE:
      return binary ? new FloatBinary(8) : new Float8Text();
    case DuckDBTypeId.VARCHAR:
      return stringWriter(announced, binary);
    case DuckDBTypeId.BLOB:
      return binary || announced !== oid.bytea ? new StringWriter() : new ByteaText();
    case DuckDBTypeId.ENUM:
      return new EnumWriter(type);
    case DuckDBTypeId.DATE:
      return binary ? new DateBinary() : dateText(settings);
    case DuckDBTypeId.TIME:
      return new TimeWriter(false, binary);
    case DuckDBTypeId.TIME_NS:
      return new TimeWriter(true, binary);
    case DuckDBTypeId.TIME_TZ:
      return new TimetzWriter(binary);
    case DuckDBTypeId.TIMESTAMP_TZ:
      return binary ? new TimestampBinary('us') : timestamptzText(settings);
    case DuckDBTypeId.INTERVAL:
      return binary ? new IntervalBinary() : new IntervalText(settings.intervalStyle);
    case DuckDBTypeId.UUID:
      return new UuidWriter(binary);
    case DuckDBTypeId.BIT:
      return new BitWriter(binary);
    case DuckDBTypeId.LIST:
      return list(type, -1, announced, format, settings);
    case DuckDBTypeId.ARRAY:
      return list(type, type.length, announced, format, settings);
    case DuckDBTypeId.STRUCT: {
      if (announced !== oid.record) return new JsonWriter(type, settings);
      const fields = type.entryTypes.map((entry) => {
        const field = toPgType(entry).oid;
        return { writer: create(entry, field, format, settings), oid: field };
      });
      return binary ? new RecordBinary(fields) : new RecordText(fields);
    }
    case DuckDBTypeId.MAP:
    case DuckDBTypeId.UNION:
    case DuckDBTypeId.VARIANT:
      return new JsonWriter(type, settings);
    default:
      return new FallbackText(type, settings);
  }
}

function list(
  type: DuckDBListType | DuckDBArrayType,
  length: number,
  announced: number,
  format: 0 | 1,
  settings: OutputSettings,
): CellWriter {
  const { valueType } = type;
  if (announced === oid.int2vector || announced === oid.oidvector) {
    const element = announced === oid.int2vector ? oid.int2 : oid.oid;
    const writer = create(valueType, element, format, settings);
    return format === 1 ? new ArrayBinary(writer, length, element, 0) : new VectorText(writer, length);
  }
  const nested = valueType.typeId === DuckDBTypeId.LIST || valueType.typeId === DuckDBTypeId.ARRAY;
  // A list announced as something that is no array (json, text) is written as json.
  const element = elementOid(announced);
  if (element === undefined) return new JsonWriter(type, settings);
  const writer = create(valueType, nested ? announced : element, format, settings);
  return format === 1 ? new ArrayBinary(writer, length, element) : new ArrayText(writer, length);
}

function wireBytes(announced: number, type: DuckDBType): 2 | 4 | 8 {
  const size = pgTypes.get(announced)?.size;
  if (size === 2 || size === 4 || size === 8) return size;
  throw noBinary(announced, type);
}

function bigintBinary(announced: number, type: DuckDBType): CellWriter {
  if (announced === oid.numeric) return new NumericBinary('int64', 0);
  return new Int64Binary(wireBytes(announced, type));
}

const binaryIsText: ReadonlySet<number> = new Set([
  oid.text,
  oid.varchar,
  oid.bpchar,
  oid.name,
  oid.char,
  oid.json,
  oid.xml,
  oid.unknown,
  oid.bytea,
]);

function stringWriter(announced: number, binary: boolean): CellWriter {
  if (announced === oid.bytea && !binary) return new ByteaText();
  if (!binary || binaryIsText.has(announced)) return new StringWriter();
  if (announced === oid.jsonb) return new StringWriter(1);
  throw noBinary(announced);
}

function noBinary(announced: number, type?: DuckDBType): LakeError {
  const name = pgTypes.get(announced)?.name ?? String(announced);
  return new LakeError('feature_not_supported', `no binary output of ${type ? `${type} as ` : ''}type ${name}`, {
    hint: 'Ask for the text format.',
  });
}
