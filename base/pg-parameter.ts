/**
 * Bind parameters: bytes in PostgreSQL's text or binary form to a DuckDB value and the type to bind it as. Every
 * length is checked; bad bytes are `invalid_text_representation`, `numeric_out_of_range` or `invalid_datetime`.
 * One file: text and binary of a type belong together. Source: the receive and input functions of each type in PostgreSQL 15.
 */
import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import {
  BIGINT,
  BIT,
  BLOB,
  BOOLEAN,
  bitValue,
  blobValue,
  DATE,
  DECIMAL,
  DOUBLE,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeTZValue,
  DuckDBTimeValue,
  DuckDBUUIDValue,
  FLOAT,
  HUGEINT,
  INTEGER,
  INTERVAL,
  LIST,
  listValue,
  SMALLINT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  TIMETZ,
  UINTEGER,
  UUID,
  VARCHAR,
} from '@duckdb/node-api';
import { LakeError } from './errors.ts';
import { parseArrayText, readArrayBinary } from './pg-array-input.ts';
import { parseDate, parseInterval, parseTime, parseTimestamp } from './pg-datetime-input.ts';
import type { PgNumeric } from './pg-numeric.ts';
import { decodeNumeric, parseNumeric } from './pg-numeric.ts';
import { badText, checkFloat4, parseBool, parseBytea, parseFloat8, parseInt64, parseUuid, readBits } from './pg-scalar-input.ts';
import { elementOid, oid, pgTypes } from './pg-types.ts';

/** A value ready for DuckDB's bind, with the type to bind it as. */
export interface DecodedParameter {
  readonly value: DuckDBValue;
  readonly type: DuckDBType;
}

const epochDays = 10957;
const epochMicros = 946_684_800_000_000n;
const int64Max = 0x7fff_ffff_ffff_ffffn;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Decodes one parameter. `id` is the type it was declared or resolved as (0 and unknown are text), `format` 0 text,
 * 1 binary, `bytes` null for NULL. `offsetOf` gives the session's zone offset (seconds east) at a local timestamp,
 * used for timestamptz text without a zone; UTC when absent. The value does not alias `bytes`.
 */
export function decodeParameter(
  id: number,
  format: 0 | 1,
  bytes: Buffer | null,
  offsetOf?: (localMicros: bigint) => number,
): DecodedParameter {
  const element = elementOid(id);
  if (element !== undefined) {
    const type = LIST(duckdbType(element));
    if (bytes === null) return { value: null, type };
    const one = (part: Buffer | string | null): DuckDBValue =>
      decodeParameter(element, format, typeof part === 'string' ? Buffer.from(part) : part, offsetOf).value;
    const nested = format === 1 ? readArrayBinary(bytes, element) : parseArrayText(toText(bytes));
    return toList(nested, type, one);
  }
  const type = duckdbType(id);
  if (bytes === null) return { value: null, type };
  const decoded = format === 1 ? decodeBinary(id, bytes) : decodeText(id, toText(bytes), offsetOf);
  return isDecoded(decoded) ? decoded : { value: decoded, type };
}

/** The DuckDB type a parameter of this oid is bound as (numeric: of no particular scale). Unknown oids are VARCHAR. */
export function duckdbType(id: number): DuckDBType {
  const element = elementOid(id);
  if (element !== undefined) return LIST(duckdbType(element));
  return types.get(id) ?? VARCHAR;
}

const types: ReadonlyMap<number, DuckDBType> = new Map<number, DuckDBType>([
  [oid.bool, BOOLEAN],
  [oid.bytea, BLOB],
  [oid.int2, SMALLINT],
  [oid.int4, INTEGER],
  [oid.int8, BIGINT],
  [oid.oid, UINTEGER],
  [oid.xid, UINTEGER],
  [oid.cid, UINTEGER],
  [oid.float4, FLOAT],
  [oid.float8, DOUBLE],
  [oid.numeric, DECIMAL(38, 9)],
  [oid.date, DATE],
  [oid.time, TIME],
  [oid.timetz, TIMETZ],
  [oid.timestamp, TIMESTAMP],
  [oid.timestamptz, TIMESTAMPTZ],
  [oid.interval, INTERVAL],
  [oid.uuid, UUID],
  [oid.bit, BIT],
  [oid.varbit, BIT],
]);

/** Multidimensional arrays become lists of lists; the type grows with them. */
function toList(
  nested: readonly unknown[],
  type: DuckDBType,
  one: (part: Buffer | string | null) => DuckDBValue,
): DecodedParameter {
  let depth = 0;
  for (let at: unknown = nested[0]; Array.isArray(at); at = at[0]) depth++;
  const build = (items: readonly unknown[]): DuckDBValue =>
    listValue(items.map((item) => (Array.isArray(item) ? build(item) : one(item as Buffer | string | null))));
  let full = type;
  for (let i = 0; i < depth; i++) full = LIST(full);
  return { value: build(nested), type: full };
}

function isDecoded(value: DuckDBValue | DecodedParameter): value is DecodedParameter {
  return (
    typeof value === 'object' &&
    value !== null &&
    'value' in value &&
    'type' in value &&
    Object.getPrototypeOf(value) === Object.prototype
  );
}

function decodeText(id: number, text: string, offsetOf?: (localMicros: bigint) => number): DuckDBValue | DecodedParameter {
  switch (id) {
    case oid.bool:
      return parseBool(text);
    case oid.int2:
      return Number(parseInt64(text, 'smallint', -32768n, 32767n));
    case oid.int4:
      return Number(parseInt64(text, 'integer', -0x8000_0000n, 0x7fff_ffffn));
    case oid.oid:
    case oid.xid:
    case oid.cid:
      return Number(parseInt64(text, 'oid', -0x8000_0000n, 0xffff_ffffn) & 0xffff_ffffn);
    case oid.int8:
      return parseInt64(text, 'bigint', -int64Max - 1n, int64Max);
    case oid.float4:
      return checkFloat4(parseFloat8(text, 'real'), text);
    case oid.float8:
      return parseFloat8(text, 'double precision');
    case oid.numeric:
      return fromNumeric(parseNumeric(text));
    case oid.date:
      return fromDate(parseDate(text));
    case oid.time:
      return new DuckDBTimeValue(parseTime(text).micros);
    case oid.timetz: {
      const { micros, offset } = parseTime(text);
      return DuckDBTimeTZValue.fromMicrosAndOffset(micros, offset ?? 0);
    }
    case oid.timestamp: {
      const parsed = parseTimestamp(text);
      return typeof parsed === 'string' ? infinite(parsed, false) : new DuckDBTimestampValue(checkMicros(parsed.micros));
    }
    case oid.timestamptz: {
      const parsed = parseTimestamp(text, 'timestamp with time zone');
      if (typeof parsed === 'string') return infinite(parsed, true);
      const offset = parsed.offset ?? offsetOf?.(parsed.micros) ?? 0;
      return new DuckDBTimestampTZValue(checkMicros(parsed.micros - BigInt(offset) * 1_000_000n));
    }
    case oid.interval: {
      const { months, days, micros } = parseInterval(text);
      return new DuckDBIntervalValue(months, days, micros);
    }
    case oid.uuid:
      return parseUuid(text);
    case oid.bytea:
      return blobValue(parseBytea(text));
    case oid.bit:
    case oid.varbit:
      if (!/^[01]+$/.test(text)) throw badText('bit varying', text);
      return bitValue(text);
    default:
      return text;
  }
}

function decodeBinary(id: number, bytes: Buffer): DuckDBValue | DecodedParameter {
  const size = pgTypes.get(id)?.size ?? -1;
  if (size > 0 && id !== oid.name && id !== oid.char && bytes.length !== size) {
    throw new LakeError(
      'invalid_text_representation',
      `binary ${pgTypes.get(id)?.name ?? id} must have ${size} bytes, not ${bytes.length}`,
    );
  }
  switch (id) {
    case oid.bool:
      return bytes[0] !== 0;
    case oid.int2:
      return bytes.readInt16BE(0);
    case oid.int4:
      return bytes.readInt32BE(0);
    case oid.oid:
    case oid.xid:
    case oid.cid:
      return bytes.readUInt32BE(0);
    case oid.int8:
      return bytes.readBigInt64BE(0);
    case oid.float4:
      return bytes.readFloatBE(0);
    case oid.float8:
      return bytes.readDoubleBE(0);
    case oid.numeric:
      return fromNumeric(decodeNumeric(bytes));
    case oid.date: {
      const days = bytes.readInt32BE(0);
      if (days === 0x7fffffff) return DuckDBDateValue.PosInf;
      if (days === -0x80000000) return DuckDBDateValue.NegInf;
      return new DuckDBDateValue(checkDays(days + epochDays));
    }
    case oid.time:
      return new DuckDBTimeValue(checkTime(bytes.readBigInt64BE(0)));
    case oid.timetz: {
      // The wire has seconds west of Greenwich.
      const west = bytes.readInt32BE(8);
      if (Math.abs(west) > DuckDBTimeTZValue.MaxOffset)
        throw new LakeError('invalid_datetime', 'time zone displacement out of range');
      return DuckDBTimeTZValue.fromMicrosAndOffset(checkTime(bytes.readBigInt64BE(0)), -west);
    }
    case oid.timestamp:
    case oid.timestamptz: {
      const micros = bytes.readBigInt64BE(0);
      if (micros === int64Max) return infinite('infinity', id === oid.timestamptz);
      if (micros === -int64Max - 1n) return infinite('-infinity', id === oid.timestamptz);
      const since1970 = checkMicros(micros + epochMicros);
      return id === oid.timestamp ? new DuckDBTimestampValue(since1970) : new DuckDBTimestampTZValue(since1970);
    }
    case oid.interval:
      return new DuckDBIntervalValue(bytes.readInt32BE(12), bytes.readInt32BE(8), bytes.readBigInt64BE(0));
    case oid.uuid:
      return DuckDBUUIDValue.fromUint128((bytes.readBigUInt64BE(0) << 64n) | bytes.readBigUInt64BE(8));
    case oid.bytea:
      return blobValue(Uint8Array.from(bytes));
    case oid.bit:
    case oid.varbit:
      return readBits(bytes);
    case oid.jsonb:
      if (bytes[0] !== 1) throw new LakeError('invalid_text_representation', `unsupported jsonb version number ${bytes[0]}`);
      return toText(bytes.subarray(1));
    case oid.money:
    case oid.inet:
    case oid.record:
      throw new LakeError('feature_not_supported', `a binary parameter of type ${pgTypes.get(id)?.name} cannot be read`, {
        hint: 'Send it in text format.',
      });
    default:
      return toText(bytes);
  }
}

function fromNumeric(numeric: PgNumeric): DuckDBValue | DecodedParameter {
  // DuckDB's DECIMAL has no such values; DOUBLE does, and comparisons with it keep their meaning.
  if (typeof numeric === 'string') return { value: Number(numeric), type: DOUBLE };
  const digits = (numeric.value < 0n ? -numeric.value : numeric.value).toString().length;
  if (numeric.scale === 0 && digits > 18) {
    if (numeric.value !== BigInt.asIntN(128, numeric.value))
      throw new LakeError('numeric_out_of_range', 'numeric value does not fit 128 bits');
    if (digits > 38) return { value: numeric.value, type: HUGEINT };
  }
  // One digit before the point where there is room: DECIMAL(3,3) prints .001, DECIMAL(4,3) prints 0.001.
  const width = Math.max(digits, Math.min(numeric.scale + 1, Math.max(numeric.scale, 38)), 1);
  if (width > 38) {
    // More places than DECIMAL has: cut zeros at the end, then give up exactness only if the number needs it.
    let { value, scale } = numeric;
    while (scale > 0 && value % 10n === 0n) {
      value /= 10n;
      scale--;
    }
    if (scale !== numeric.scale) return fromNumeric({ value, scale });
    throw new LakeError('numeric_out_of_range', `numeric value needs ${width} digits, DECIMAL has at most 38`, {
      hint: 'Send it as double precision, or as text and cast.',
    });
  }
  return { value: new DuckDBDecimalValue(numeric.value, width, numeric.scale), type: DECIMAL(width, numeric.scale) };
}

function fromDate(days: number | 'infinity' | '-infinity'): DuckDBDateValue {
  if (days === 'infinity') return DuckDBDateValue.PosInf;
  if (days === '-infinity') return DuckDBDateValue.NegInf;
  return new DuckDBDateValue(checkDays(days));
}

function infinite(which: 'infinity' | '-infinity', zoned: boolean): DuckDBValue {
  const kind = zoned ? DuckDBTimestampTZValue : DuckDBTimestampValue;
  return which === 'infinity' ? kind.PosInf : kind.NegInf;
}

function checkDays(days: number): number {
  if (days > 0x7ffffffe || days < -0x7ffffffe) throw new LakeError('invalid_datetime', 'date out of range');
  return days;
}

function checkMicros(micros: bigint): bigint {
  if (micros >= int64Max || micros <= -int64Max) throw new LakeError('invalid_datetime', 'timestamp out of range');
  return micros;
}

function checkTime(micros: bigint): bigint {
  if (micros < 0n || micros > 86_400_000_000n) throw new LakeError('invalid_datetime', 'time out of range');
  return micros;
}

function toText(bytes: Buffer): string {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new LakeError('invalid_byte_sequence', 'invalid byte sequence for encoding "UTF8"');
  }
  if (text.includes('\0')) throw new LakeError('invalid_byte_sequence', 'invalid byte sequence for encoding "UTF8": 0x00');
  return text;
}
