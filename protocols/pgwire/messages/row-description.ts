/**
 * RowDescription 'T': int16 count, then per column name cstring, int32 table oid, int16 column number, int32 type oid,
 * int16 type size, int32 typmod, int16 format. Source: PostgreSQL documentation, section 54.7.
 */
import { toPgType, typeSize } from '../../../base/pg-types.ts';
import type { Column } from '../../../base/statement-session.ts';
import type { Outbox } from '../outbox.ts';

/** The type oid a column is announced as. */
export function columnOid(column: Column): number {
  return column.pgType?.oid ?? toPgType(column.type).oid;
}

/** `formats` has one entry per column, 0 text or 1 binary. */
export function writeRowDescription(out: Outbox, columns: readonly Column[], formats: readonly number[]): void {
  out.begin(0x54).int16(columns.length);
  columns.forEach((column, index) => {
    const type = toPgType(column.type);
    const oid = column.pgType?.oid ?? type.oid;
    const size = column.pgType ? typeSize(oid) : type.size;
    const typmod = column.pgType ? (column.pgType.typmod ?? -1) : type.typmod;
    out
      .cstring(column.name)
      .int32(column.tableOid ?? 0)
      .int16(column.columnNumber ?? 0)
      .int32(oid)
      .int16(size)
      .int32(typmod)
      .int16(formats[index] ?? 0);
  });
  out.end();
}
