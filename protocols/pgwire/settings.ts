/** What output depends on among the session's reported parameters: so far its TimeZone. */
import { TimeZone } from '../../base/time-zone.ts';
import type { OutputSettings } from './types/cell.ts';

export class Settings implements OutputSettings {
  #zone = new TimeZone('UTC');

  set(name: string, value: string): void {
    if (name.toLowerCase() === 'timezone' && value !== this.#zone.name) this.#zone = new TimeZone(value);
  }

  offsetAt(utcMicros: number): number {
    return this.#zone.offsetAt(utcMicros);
  }
}
