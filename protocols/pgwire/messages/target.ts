/** Describe 'D' and Close 'C' have one body: byte 'S' (statement) or 'P' (portal), name cstring. Source: PostgreSQL documentation, 54.7. */
import { LakeError } from '../../../base/errors.ts';
import { Body } from '../codec.ts';

export interface Target {
  readonly kind: 'statement' | 'portal';
  readonly name: string;
}

/** Body of 'C' and 'D': whether a statement or a portal is meant, and its name. Throws protocol_violation. */
export function decodeTarget(bytes: Buffer): Target {
  const body = new Body(bytes);
  const kind = body.byte();
  const name = body.cstring();
  body.end();
  if (kind !== 0x53 && kind !== 0x50)
    throw new LakeError('protocol_violation', `invalid DESCRIBE or CLOSE message subtype ${kind}`);
  return { kind: kind === 0x53 ? 'statement' : 'portal', name };
}
