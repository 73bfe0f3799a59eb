/** What output depends on among the session's reported parameters: TimeZone, DateStyle and IntervalStyle. */
import { TimeZone } from '../../base/time-zone.ts';
import type { DateStyle, OutputSettings } from './types/cell.ts';
import type { IntervalStyle } from './types/interval-style.ts';

export class Settings implements OutputSettings {
  #zone = new TimeZone('UTC');
  dateStyle: DateStyle = { style: 'ISO', order: 'MDY' };
  intervalStyle: IntervalStyle = 'postgres';

  get zoneName(): string {
    return this.#zone.name;
  }

  /** Takes a parameter as it is reported; those that output does not depend on are passed over. */
  set(name: string, value: string): void {
    switch (name.toLowerCase()) {
      case 'timezone':
        if (value !== this.#zone.name) this.#zone = new TimeZone(value);
        return;
      case 'datestyle': {
        const [style, order] = value.split(', ') as [DateStyle['style'], DateStyle['order']];
        this.dateStyle = { style, order };
        return;
      }
      case 'intervalstyle':
        this.intervalStyle = value as IntervalStyle;
    }
  }

  offsetAt(utcMicros: number): number {
    return this.#zone.offsetAt(utcMicros);
  }
}
