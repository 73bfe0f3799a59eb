/**
 * Keeps credentials that were looked up, so that a login costs a few HMACs and no question to the catalog. Whatever
 * changes in the catalog empties it: a login after the change was answered always sees the change.
 */
import type { Clock } from '../../base/clock.ts';
import type { CredentialSource, FoundCredential } from '../ports.ts';

/** About 1 kB each. */
const entriesMax = 10_000;

export class VerifierCache implements CredentialSource {
  readonly #source: CredentialSource;
  readonly #clock: Clock;
  readonly #entries = new Map<string, FoundCredential>();
  /** Look-ups of the same name that run now share one question. */
  readonly #running = new Map<string, Promise<FoundCredential | undefined>>();
  #generation = 0;

  constructor(source: CredentialSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  async findCredential(userName: string): Promise<FoundCredential | undefined> {
    const found = this.#entries.get(userName) ?? (await this.#ask(userName));
    if (found?.expiresAt !== undefined && found.expiresAt <= this.#clock.now()) {
      this.#entries.delete(userName);
      return undefined;
    }
    return found;
  }

  /** Call when lakes, users, grants or credentials changed, before the change is answered to anyone. */
  invalidate(): void {
    this.#generation++;
    this.#entries.clear();
    this.#running.clear();
  }

  #ask(userName: string): Promise<FoundCredential | undefined> {
    const running = this.#running.get(userName);
    if (running) return running;
    const generation = this.#generation;
    const asked = this.#source.findCredential(userName).then(
      (found) => {
        // What was read before a change must not stay behind after it.
        if (generation === this.#generation) {
          this.#running.delete(userName);
          if (found) this.#keep(userName, found);
        }
        return found;
      },
      (error: unknown) => {
        if (generation === this.#generation) this.#running.delete(userName);
        throw error;
      },
    );
    this.#running.set(userName, asked);
    return asked;
  }

  #keep(userName: string, found: FoundCredential): void {
    this.#entries.set(userName, found);
    if (this.#entries.size > entriesMax) this.#entries.delete(this.#entries.keys().next().value as string);
  }
}
