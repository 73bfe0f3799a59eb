/**
 * date, timestamp and timestamptz as DateStyle SQL, German and Postgres write them. ISO has writers of its own
 * (datetime.ts), which are quick; these put each cell together as a string. A zone without an abbreviation of its own is
 * written as PostgreSQL writes those of the zone database that have none: as its offset.
 * Source: PostgreSQL, datetime.c, EncodeDateOnly and EncodeDateTime.
 */
import { CellWriter, type DateStyle, type OutputSettings } from './cell.ts';
import { DateText, putOffset, TimestampText, TimestamptzText, type TimeUnit } from './datetime.ts';
import { putAscii } from './digits.ts';
import type { RawVector } from './vector.ts';

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** The longest: `Sat 31 Dec 23:59:59.999999 294276 +15:59:59 BC`. */
const bytesMax = 64;

/** `2000-01-02[ 03:04:05.6[+02]][ BC]`, as the ISO writers give it, in another style. Infinities stay as they are. */
export function restyle(iso: string, { style, order }: DateStyle, zone: string): string {
  const parts = /^(\d+)-(\d\d)-(\d\d)(?: (\d\d:\d\d:\d\d(?:\.\d+)?)[^ ]*)?( BC)?$/.exec(iso);
  if (!parts) return iso;
  const [, year, month, day, clock, bc = ''] = parts as unknown as [string, string, string, string, string?, string?];
  const offset = zone === '' ? '' : ` ${zone}`;
  if (style === 'Postgres') {
    if (clock === undefined) return `${order === 'DMY' ? `${day}-${month}` : `${month}-${day}`}-${year}${bc}`;
    const name = months[Number(month) - 1];
    const weekday = weekdays[weekdayOf(bc === '' ? Number(year) : 1 - Number(year), Number(month), Number(day))];
    return `${weekday} ${order === 'DMY' ? `${day} ${name}` : `${name} ${day}`} ${clock} ${year}${offset}${bc}`;
  }
  const date =
    style === 'German' ? `${day}.${month}.${year}` : order === 'DMY' ? `${day}/${month}/${year}` : `${month}/${day}/${year}`;
  return clock === undefined ? `${date}${bc}` : `${date} ${clock}${offset}${bc}`;
}

/** Of the proleptic Gregorian calendar, 0 = Sunday. The calendar repeats after 400 years, which are whole weeks. */
function weekdayOf(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear((((year % 400) + 400) % 400) + 2000, month - 1, day);
  return date.getUTCDay();
}

/** Lets an ISO writer write, and changes what it wrote. */
class Restyled extends CellWriter {
  override readonly plain = true;
  readonly #iso: CellWriter;
  readonly #style: DateStyle;
  readonly #zone: () => string;
  readonly #text = Buffer.alloc(bytesMax);

  constructor(iso: CellWriter, style: DateStyle, zone: () => string) {
    super();
    this.#iso = iso;
    this.#style = style;
    this.#zone = zone;
  }

  load(vector: RawVector, count: number): void {
    this.#iso.load(vector, count);
    this.validity = this.#iso.validity;
  }

  bytesMax(): number {
    return bytesMax;
  }

  write(out: Uint8Array, at: number, row: number): number {
    const end = this.#iso.write(this.#text, 0, row);
    return putAscii(out, at, restyle(this.#text.toString('latin1', 0, end), this.#style, this.#zone()));
  }
}

const noZone = (): string => '';

/** The writer of a date in the session's DateStyle. */
export function dateText({ dateStyle }: OutputSettings): CellWriter {
  return dateStyle.style === 'ISO' ? new DateText() : new Restyled(new DateText(), dateStyle, noZone);
}

/** The writer of a timestamp in the session's DateStyle. */
export function timestampText(unit: TimeUnit, { dateStyle }: OutputSettings): CellWriter {
  return dateStyle.style === 'ISO' ? new TimestampText(unit) : new Restyled(new TimestampText(unit), dateStyle, noZone);
}

/** The writer of a timestamptz in the session's DateStyle and TimeZone. */
export function timestamptzText(settings: OutputSettings): CellWriter {
  const iso = new TimestamptzText(settings);
  if (settings.dateStyle.style === 'ISO') return iso;
  const text = Buffer.alloc(16);
  const zone = (): string => {
    if (settings.zoneName === 'UTC') return 'UTC';
    return text.toString('latin1', 0, putOffset(text, 0, iso.offset));
  };
  return new Restyled(iso, settings.dateStyle, zone);
}
