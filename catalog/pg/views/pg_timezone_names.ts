/** Time zones that TimeZone and AT TIME ZONE know: those of the engine. */
import type { PgView } from '../view.ts';

export const pgTimezoneNames: PgView = {
  name: 'pg_timezone_names',
  oid: 12126,
  columns: 'name text, abbrev text, utc_offset interval, is_dst bool',
  values: { name: 'z.name', abbrev: 'z.abbrev', utc_offset: 'z.utc_offset', is_dst: 'z.is_dst' },
  from: 'pg_timezone_names() z',
};
