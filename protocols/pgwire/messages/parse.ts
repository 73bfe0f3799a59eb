/** Parse 'P': statement name cstring, query cstring, int16 count, that many int32 type oids (0 = unspecified). Source: PostgreSQL documentation, 54.7. */
import { Body } from '../codec.ts';

export interface Parse {
  readonly statement: string;
  readonly sql: string;
  readonly parameterOids: readonly number[];
}

/** Body of 'P': statement name, text, parameter type oids. Throws protocol_violation. */
export function decodeParse(bytes: Buffer): Parse {
  const body = new Body(bytes);
  const statement = body.cstring();
  const sql = body.cstring();
  const count = body.uint16();
  const oids = body.bytes(count * 4);
  body.end();
  const parameterOids: number[] = [];
  for (let i = 0; i < count; i++) parameterOids.push(oids.readUInt32BE(i * 4));
  return { statement, sql, parameterOids };
}
