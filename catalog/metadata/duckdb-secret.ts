/**
 * A DuckDB secret of type `s3` in the form in which a stock DuckDB keeps secrets in a table: `KeyValueSecret::Serialize` through
 * the BinarySerializer (DuckDB 1.5, src/main/secret/secret.cpp and src/common/serializer/binary_serializer.cpp). There each field is a
 * little-endian 16-bit id and its value, an object ends with 0xFFFF, lengths and counts are LEB128, a default value is left out.
 */

/** Keys to a prefix of an object store, as a client is to use them. */
export interface ObjectStoreSecret {
  readonly name: string;
  /** `s3://bucket/prefix/`: the only paths DuckDB uses it for. */
  readonly scope: string;
  readonly keyId: string;
  readonly secret: string;
  readonly sessionToken?: string;
  readonly region: string;
  /** `host[:port]` without scheme; absent for AWS. */
  readonly endpoint?: string;
  readonly useTls: boolean;
  readonly pathStyle: boolean;
}

/** Ids of DuckDB's LogicalTypeId and ExtraTypeInfoType. */
const type = { any: 3, boolean: 10, varchar: 25, struct: 100, list: 101, map: 102 } as const;
const typeInfo = { list: 4, struct: 5 } as const;

/** Names of a secret that `duckdb_secrets()` shows as `redacted`. */
const redacted = ['session_token', 'secret'];

/** The bytes of the secret. */
export function encodeSecret(secret: ObjectStoreSecret): Buffer {
  const entries: [string, string | boolean][] = [
    ...(secret.endpoint === undefined ? [] : ([['endpoint', secret.endpoint]] as [string, string][])),
    ['key_id', secret.keyId],
    ['region', secret.region],
    ['secret', secret.secret],
    ...(secret.sessionToken === undefined ? [] : ([['session_token', secret.sessionToken]] as [string, string][])),
    ['url_style', secret.pathStyle ? 'path' : 'vhost'],
    ['use_ssl', secret.useTls],
  ];
  const entryType = structType([
    ['key', plainType(type.varchar)],
    ['value', plainType(type.any)],
  ]);
  const pairs = entries.map(([key, value]) => valueOf(entryType, children([textValue(key), plainValue(value)])));
  return object([
    field(100, text('s3')),
    field(101, text('config')),
    field(102, text(secret.name)),
    field(103, list([text(secret.scope)])),
    field(201, valueOf(listType(type.map, entryType), children(pairs))),
    field(202, valueOf(listType(type.list, plainType(type.varchar)), children(redacted.map(textValue)))),
  ]);
}

const plainValue = (value: string | boolean): Buffer =>
  typeof value === 'string' ? textValue(value) : valueOf(plainType(type.boolean), Buffer.from([value ? 1 : 0]));
const textValue = (value: string): Buffer => valueOf(plainType(type.varchar), text(value));

/** A Value: its type, whether it is NULL, what it is. */
function valueOf(valueType: Buffer, value: Buffer): Buffer {
  return object([field(100, valueType), field(101, Buffer.from([0])), field(102, value)]);
}

/** The values inside a list, map or struct. */
function children(values: readonly Buffer[]): Buffer {
  return object([field(100, list(values))]);
}

const plainType = (id: number): Buffer => object([field(100, leb128(id))]);

function listType(id: number, child: Buffer): Buffer {
  return nestedType(id, [field(100, leb128(typeInfo.list)), field(200, child)]);
}

function structType(members: readonly (readonly [string, Buffer])[]): Buffer {
  const pairs = members.map(([name, member]) => object([field(0, text(name)), field(1, member)]));
  return nestedType(type.struct, [field(100, leb128(typeInfo.struct)), field(200, list(pairs))]);
}

/** The leading 1: there is a type info. */
function nestedType(id: number, info: readonly Buffer[]): Buffer {
  return object([field(100, leb128(id)), field(101, Buffer.concat([Buffer.from([1]), object(info)]))]);
}

function field(id: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([id & 0xff, id >> 8]), value]);
}

const object = (fields: readonly Buffer[]): Buffer => Buffer.concat([...fields, Buffer.from([0xff, 0xff])]);
const list = (items: readonly Buffer[]): Buffer => Buffer.concat([leb128(items.length), ...items]);

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([leb128(bytes.length), bytes]);
}

function leb128(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.from(bytes);
}
