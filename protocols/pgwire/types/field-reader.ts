/**
 * Binary fields of COPY to the values a DuckDB vector takes (hot types: column-builder.ts): through
 * decodeParameter, and then fitted to the column: a numeric is brought to the DECIMAL's scale (rounded half away from
 * zero, as PostgreSQL does) or to the integer it must be, microseconds to the column's unit.
 */
import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import {
  DuckDBArrayValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  type DuckDBTimestampValue,
  DuckDBTimeNSValue,
  DuckDBTimeValue,
  DuckDBTypeId,
} from '@duckdb/node-api';
import { LakeError } from '../../../base/errors.ts';
import { decodeParameter } from '../../../base/pg-parameter.ts';
import { toPgType } from '../../../base/pg-types.ts';
import type { Column } from '../../../base/statement-session.ts';

/** Reads `length` bytes at `at`. */
export type FieldReader = (bytes: Buffer, at: number, length: number) => DuckDBValue;

/** A reader of binary fields of this column into values that DuckDB takes. It throws bad_copy_format for a field that does not fit. */
export function createFieldReader(column: Column): FieldReader {
  const announced = column.pgType?.oid ?? toPgType(column.type).oid;
  const { type } = column;
  return (bytes, at, length) => fit(type, decodeParameter(announced, 1, bytes.subarray(at, at + length)).value);
}

const integerRanges: ReadonlyMap<DuckDBTypeId, readonly [bigint, bigint]> = new Map([
  [DuckDBTypeId.TINYINT, [-128n, 127n]],
  [DuckDBTypeId.SMALLINT, [-32768n, 32767n]],
  [DuckDBTypeId.INTEGER, [-(2n ** 31n), 2n ** 31n - 1n]],
  [DuckDBTypeId.BIGINT, [-(2n ** 63n), 2n ** 63n - 1n]],
  [DuckDBTypeId.HUGEINT, [-(2n ** 127n), 2n ** 127n - 1n]],
  [DuckDBTypeId.UTINYINT, [0n, 255n]],
  [DuckDBTypeId.USMALLINT, [0n, 65535n]],
  [DuckDBTypeId.UINTEGER, [0n, 2n ** 32n - 1n]],
  [DuckDBTypeId.UBIGINT, [0n, 2n ** 64n - 1n]],
  [DuckDBTypeId.UHUGEINT, [0n, 2n ** 128n - 1n]],
]);

/** Integers of these types are bigints in @duckdb/node-api, the others numbers. */
const wide: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UHUGEINT,
]);

/** Makes a decoded value one that a vector of `type` takes. Throws numeric_out_of_range. */
export function fit(type: DuckDBType, value: DuckDBValue): DuckDBValue {
  if (value === null) return null;
  const range = integerRanges.get(type.typeId);
  if (range) {
    const whole = toScale(type, value, 0);
    if (whole < range[0] || whole > range[1]) throw outOfRange(type);
    return wide.has(type.typeId) ? whole : Number(whole);
  }
  switch (type.typeId) {
    case DuckDBTypeId.DECIMAL: {
      const scaled = toScale(type, value, type.scale);
      const bound = 10n ** BigInt(type.width);
      if (scaled >= bound || scaled <= -bound) throw outOfRange(type);
      return new DuckDBDecimalValue(scaled, type.width, type.scale);
    }
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return toUnit(type.typeId, value as DuckDBTimestampValue);
    case DuckDBTypeId.TIME_NS:
      return value instanceof DuckDBTimeValue ? new DuckDBTimeNSValue(value.micros * 1000n) : value;
    case DuckDBTypeId.LIST:
      return value instanceof DuckDBListValue ? new DuckDBListValue(value.items.map((item) => fit(type.valueType, item))) : value;
    case DuckDBTypeId.ARRAY: {
      if (!(value instanceof DuckDBListValue)) return value;
      if (value.items.length !== type.length)
        throw new LakeError('datatype_mismatch', `an array of ${type.length} elements is needed, got ${value.items.length}`);
      return new DuckDBArrayValue(value.items.map((item) => fit(type.valueType, item)));
    }
    case DuckDBTypeId.STRUCT:
    case DuckDBTypeId.MAP:
    case DuckDBTypeId.UNION:
    case DuckDBTypeId.VARIANT:
    case DuckDBTypeId.GEOMETRY:
      throw new LakeError('feature_not_supported', `binary COPY cannot fill a column of type ${type}`, {
        hint: 'Use COPY … (FORMAT csv) or INSERT.',
      });
    case DuckDBTypeId.ENUM:
      if (typeof value === 'string' && !type.values.includes(value))
        throw new LakeError('invalid_text_representation', `invalid input value for enum: "${value.slice(0, 80)}"`);
      return value;
    default:
      return value;
  }
}

/** The number as an integer of 10^-scale, rounded half away from zero. */
function toScale(type: DuckDBType, value: DuckDBValue, scale: number): bigint {
  let from = 0;
  let number: bigint;
  if (value instanceof DuckDBDecimalValue) {
    number = value.value;
    from = value.scale;
  } else if (typeof value === 'bigint') number = value;
  else if (typeof value === 'number' && Number.isInteger(value)) number = BigInt(value);
  else throw outOfRange(type);
  if (from <= scale) return number * 10n ** BigInt(scale - from);
  const divisor = 10n ** BigInt(from - scale);
  const half = divisor / 2n;
  return (number < 0n ? number - half : number + half) / divisor;
}

function toUnit(unit: DuckDBTypeId, value: DuckDBTimestampValue): DuckDBValue {
  const { micros } = value;
  const floor = (by: bigint): bigint => (micros - (((micros % by) + by) % by)) / by;
  const infinite = !value.isFinite ? (micros > 0n ? 1 : -1) : 0;
  switch (unit) {
    case DuckDBTypeId.TIMESTAMP_S:
      return infinite
        ? infinite > 0
          ? DuckDBTimestampSecondsValue.PosInf
          : DuckDBTimestampSecondsValue.NegInf
        : new DuckDBTimestampSecondsValue(floor(1_000_000n));
    case DuckDBTypeId.TIMESTAMP_MS:
      return infinite
        ? infinite > 0
          ? DuckDBTimestampMillisecondsValue.PosInf
          : DuckDBTimestampMillisecondsValue.NegInf
        : new DuckDBTimestampMillisecondsValue(floor(1000n));
    default: {
      if (infinite) return infinite > 0 ? DuckDBTimestampNanosecondsValue.PosInf : DuckDBTimestampNanosecondsValue.NegInf;
      const nanos = micros * 1000n;
      if (nanos !== BigInt.asIntN(64, nanos)) throw new LakeError('invalid_datetime', 'timestamp out of range for nanoseconds');
      return new DuckDBTimestampNanosecondsValue(nanos);
    }
  }
}

function outOfRange(type: DuckDBType): LakeError {
  return new LakeError('numeric_out_of_range', `value out of range for type ${type}`);
}
