/**
 * Offsets of IANA time zones at an instant, from the runtime's own zone data. Looked up once per zone and day and then
 * kept: the two ends of a UTC day are asked, and only when they differ is the moment of change searched for.
 */
const dayMs = 86_400_000;
const daysKeptMax = 4096;
/** Instants past what Date can hold take the offset at its ends. */
const dateMsMax = 8.64e15;

interface Day {
  readonly before: number;
  readonly after: number;
  /** First millisecond at which `after` holds. */
  readonly changeMs: number;
}

export class TimeZone {
  readonly name: string;
  readonly #fixed: number | undefined;
  readonly #format: Intl.DateTimeFormat | undefined;
  #days = new Map<number, Day>();
  #lastNumber = Number.NaN;
  #last: Day = { before: 0, after: 0, changeMs: 0 };

  /** Unknown names count as UTC; whoever sets the session's TimeZone has refused them before. */
  constructor(name: string) {
    this.name = name;
    const utc = /^(utc|gmt|zulu|etc\/(utc|gmt|zulu|uct|universal)|universal|uct|z)$/i.test(name);
    this.#fixed = utc ? 0 : undefined;
    if (utc) return;
    try {
      this.#format = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        timeZoneName: 'longOffset',
        era: 'short',
        year: 'numeric',
      });
    } catch {
      this.#fixed = 0;
    }
  }

  /** Seconds east of Greenwich at microseconds since 1970 (UTC). */
  offsetAt(utcMicros: number): number {
    if (this.#fixed !== undefined) return this.#fixed;
    const ms = Math.floor(utcMicros / 1000);
    const number = Math.floor(ms / dayMs);
    if (number !== this.#lastNumber) {
      this.#last = this.#day(number);
      this.#lastNumber = number;
    }
    return ms < this.#last.changeMs ? this.#last.before : this.#last.after;
  }

  /** Seconds east of Greenwich for a local time (microseconds since 1970 as if it were UTC). Source for skipped and repeated times: PostgreSQL, datetime.c, DetermineTimeZoneOffset. */
  offsetAtLocal(localMicros: number): number {
    if (this.#fixed !== undefined) return this.#fixed;
    const before = this.offsetAt(localMicros - 86_400_000_000);
    const after = this.offsetAt(localMicros + 86_400_000_000);
    if (before === after) return this.offsetAt(localMicros - before * 1e6);
    // Twice there (clocks go back): the later reading. Not there (clocks go forward): as if they had not yet.
    return this.offsetAt(localMicros - after * 1e6) === after ? after : before;
  }

  #day(number: number): Day {
    const known = this.#days.get(number);
    if (known) return known;
    const start = number * dayMs;
    const before = this.#ask(start);
    const after = this.#ask(start + dayMs - 1);
    let changeMs = start;
    if (before !== after) {
      let low = start;
      let high = start + dayMs - 1;
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (this.#ask(middle) === before) low = middle;
        else high = middle;
      }
      changeMs = high;
    }
    const day = { before, after, changeMs };
    if (this.#days.size >= daysKeptMax) this.#days.clear();
    this.#days.set(number, day);
    return day;
  }

  /** Reads `GMT+02:00`, `GMT-04:56:02` or `GMT`. */
  #ask(ms: number): number {
    const bounded = Math.min(Math.max(ms, -dateMsMax), dateMsMax);
    const text =
      (this.#format as Intl.DateTimeFormat).formatToParts(bounded).find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
    const parts = /GMT([+-])(\d{1,2}):?(\d{2})?:?(\d{2})?/.exec(text.replace('\u2212', '-'));
    if (!parts) return 0;
    const seconds = Number(parts[2]) * 3600 + Number(parts[3] ?? 0) * 60 + Number(parts[4] ?? 0);
    return parts[1] === '-' ? -seconds : seconds;
  }
}
