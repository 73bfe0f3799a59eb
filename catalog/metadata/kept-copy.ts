/**
 * The bytes of a kept answer to a binary COPY, taken apart into rows and put together again, for answers that are carried
 * over a commit whose effect on them is known. What does not come out byte by byte as it went in is left alone.
 * Source: PostgreSQL documentation, "Message Formats" (CopyOutResponse, CopyData, CopyDone) and COPY, "Binary Format".
 */

/** A field's bytes; null is NULL. */
export type Field = Buffer | null;

export interface KeptCopy {
  /** CopyOutResponse as sent. */
  readonly head: Buffer;
  readonly rows: readonly (readonly Field[])[];
}

const signature = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const [responseType, dataType, doneType] = [0x48, 0x64, 0x63];
const trailer = Buffer.from([0xff, 0xff]);

/** The rows in `encoded`, or undefined if it is not what `encodeCopy` makes. */
export function decodeCopy(encoded: Buffer): KeptCopy | undefined {
  if (encoded[0] !== responseType || encoded.length < 5) return undefined;
  const head = encoded.subarray(0, 1 + encoded.readInt32BE(1));
  const rows: Field[][] = [];
  let at = head.length;
  while (encoded[at] === dataType) {
    const end = at + 1 + encoded.readInt32BE(at + 1);
    let body = encoded.subarray(at + 5, end);
    if (at === head.length) body = body.subarray(signature.length);
    at = end;
    if (body.equals(trailer)) break;
    rows.push(readRow(body));
  }
  const copy = { head, rows };
  return encodeCopy(copy).equals(encoded) ? copy : undefined;
}

/** The same as the wire sends it: the signature stands before the first row, or before the trailer if there is none. */
export function encodeCopy({ head, rows }: KeptCopy): Buffer {
  const parts: Buffer[] = [head];
  for (const [index, row] of rows.entries()) {
    const body: Buffer[] = index === 0 ? [signature] : [];
    const count = Buffer.alloc(2);
    count.writeInt16BE(row.length);
    body.push(count);
    for (const field of row) {
      const length = Buffer.alloc(4);
      length.writeInt32BE(field === null ? -1 : field.length);
      body.push(length);
      if (field !== null) body.push(field);
    }
    parts.push(message(dataType, body));
  }
  parts.push(message(dataType, rows.length === 0 ? [signature, trailer] : [trailer]), message(doneType, []));
  return Buffer.concat(parts);
}

function readRow(body: Buffer): Field[] {
  const row: Field[] = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    row.push(length < 0 ? null : body.subarray(at + 4, at + 4 + length));
    at += 4 + Math.max(0, length);
  }
  return row;
}

function message(type: number, body: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(5);
  head[0] = type;
  head.writeInt32BE(
    body.reduce((sum, part) => sum + part.length, 4),
    1,
  );
  return Buffer.concat([head, ...body]);
}
