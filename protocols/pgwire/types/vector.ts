/**
 * DuckDB's vectors as they lie in memory. One view per column and chunk, read by row index; nothing is copied, so a
 * view lives no longer than its chunk. Source: DuckDB C API, duckdb_vector_get_data and its notes on memory layout.
 */
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import type { DuckDBDataChunk, DuckDBType } from '@duckdb/node-api';
import { DuckDBVector } from '@duckdb/node-api';
import type * as Bindings from '@duckdb/node-bindings';
import { assert } from '../../../base/errors.ts';

const bindings = createRequire(import.meta.url)('@duckdb/node-bindings') as typeof Bindings;
assert(endianness() === 'LE', 'vectors are read as little endian');

export type RawVector = Bindings.Vector;

/** Memory of one vector in the widths its readers need; all views start at the first row. */
export interface VectorMemory {
  readonly bytes: Uint8Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  /** Null when every row is valid; else bit `row & 7` of byte `row >> 3` is set for valid rows. */
  readonly validity: Uint8Array | null;
}

/** A column's vector in a chunk; lives no longer than the chunk. */
export function columnVector(chunk: DuckDBDataChunk, index: number): RawVector {
  return bindings.data_chunk_get_vector(chunk.chunk, index);
}

/** Maps `count` rows of `width` bytes. */
export function mapVector(vector: RawVector, count: number, width: number): VectorMemory {
  const bytes = bindings.vector_get_data(vector, count * width);
  const words = (count * width) >> 2;
  return {
    bytes,
    u32: new Uint32Array(bytes.buffer, bytes.byteOffset, words),
    i32: new Int32Array(bytes.buffer, bytes.byteOffset, words),
    validity: mapValidity(vector, count),
  };
}

/** Which of the first `count` rows are valid; null when all are. */
export function mapValidity(vector: RawVector, count: number): Uint8Array | null {
  return bindings.vector_get_validity(vector, ((count + 63) >> 6) << 3) ?? null;
}

/** The vector that holds the elements of a LIST or MAP, and how many they are. */
export function listChild(vector: RawVector): { readonly vector: RawVector; readonly size: number } {
  return { vector: bindings.list_vector_get_child(vector), size: bindings.list_vector_get_size(vector) };
}

/** The vector that holds the elements of an ARRAY, row after row. */
export function arrayChild(vector: RawVector): RawVector {
  return bindings.array_vector_get_child(vector);
}

/** The vector of a STRUCT's field, row by row as the struct's. */
export function structChild(vector: RawVector, index: number): RawVector {
  return bindings.struct_vector_get_child(vector, index);
}

/** The vector as @duckdb/node-api reads it, one JavaScript value per cell: for types where that does not matter. */
export function valueVector(vector: RawVector, count: number, type: DuckDBType): { getItem(index: number): unknown } {
  return DuckDBVector.create(vector, count, type);
}

const pointer = new Uint32Array(2);

/** `length` bytes of process memory from an address (two 32-bit halves) that a string_t held. */
export function memoryAt(low: number, high: number, length: number): Uint8Array {
  pointer[0] = low;
  pointer[1] = high;
  return bindings.get_data_from_pointer(pointer.buffer, 0, length);
}

/** Copies `byteCount` bytes of rows into a vector of a new chunk, and which rows are valid unless all are. */
export function fillVector(vector: RawVector, data: Uint8Array, byteCount: number, validity: Uint8Array | null): void {
  bindings.copy_data_to_vector(vector, 0, data.buffer as ArrayBuffer, data.byteOffset, byteCount);
  if (validity === null) return;
  bindings.vector_ensure_validity_writable(vector);
  bindings.copy_data_to_vector_validity(vector, 0, validity.buffer as ArrayBuffer, validity.byteOffset, validity.byteLength);
}

/** Stores a string of any length in a row of a vector of a new chunk. */
export function assignString(vector: RawVector, row: number, bytes: Uint8Array): void {
  bindings.vector_assign_string_element_len(vector, row, bytes);
}
