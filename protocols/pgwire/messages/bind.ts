/**
 * Bind 'B': portal cstring, statement cstring, int16 count + int16 parameter formats, int16 count + (int32 length,
 * bytes)* parameters (-1 = NULL), int16 count + int16 result formats. Source: PostgreSQL documentation, section 54.7.
 */
import { LakeError } from '../../../base/errors.ts';
import { Body } from '../codec.ts';

export interface Bind {
  readonly portal: string;
  readonly statement: string;
  readonly parameterFormats: readonly (0 | 1)[];
  /** Views of the message. */
  readonly parameters: readonly (Buffer | null)[];
  readonly resultFormats: readonly (0 | 1)[];
}

/** Body of 'B'. Every count and length is checked against what is there; throws protocol_violation. */
export function decodeBind(bytes: Buffer): Bind {
  const body = new Body(bytes);
  const portal = body.cstring();
  const statement = body.cstring();
  const parameterFormats = readFormats(body);
  const count = body.uint16();
  const parameters: (Buffer | null)[] = [];
  for (let i = 0; i < count; i++) {
    const length = body.int32();
    if (length < -1) throw new LakeError('protocol_violation', `invalid length ${length} of parameter $${i + 1}`);
    parameters.push(length === -1 ? null : body.bytes(length));
  }
  const resultFormats = readFormats(body);
  body.end();
  if (parameterFormats.length > 1 && parameterFormats.length !== count) {
    throw new LakeError(
      'protocol_violation',
      `bind message has ${parameterFormats.length} parameter formats but ${count} parameters`,
    );
  }
  return { portal, statement, parameterFormats, parameters, resultFormats };
}

/** One format for each of `count` columns: none given = text, one given = for all. */
export function spreadFormats(formats: readonly (0 | 1)[], count: number): (0 | 1)[] {
  if (formats.length <= 1) return new Array<0 | 1>(count).fill(formats[0] ?? 0);
  if (formats.length !== count) {
    throw new LakeError('protocol_violation', `bind message has ${formats.length} result formats but query has ${count} columns`);
  }
  return [...formats];
}

function readFormats(body: Body): (0 | 1)[] {
  const count = body.uint16();
  const formats: (0 | 1)[] = [];
  for (let i = 0; i < count; i++) {
    const format = body.uint16();
    if (format !== 0 && format !== 1) throw new LakeError('invalid_argument', `unsupported format code: ${format}`);
    formats.push(format);
  }
  return formats;
}
