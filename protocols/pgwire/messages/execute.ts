/** Execute 'E': portal cstring, int32 most rows (0 = all; negative counts as all, as in PostgreSQL). Source: PostgreSQL documentation, 54.7. */
import { Body } from '../codec.ts';

/** Body of 'E': portal name and row limit, 0 = no limit. Throws protocol_violation. */
export function decodeExecute(bytes: Buffer): { readonly portal: string; readonly rowsMax: number } {
  const body = new Body(bytes);
  const portal = body.cstring();
  const rowsMax = body.int32();
  body.end();
  return { portal, rowsMax: Math.max(0, rowsMax) };
}
