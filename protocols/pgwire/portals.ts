/** The prepared statements and portals of one session, under the names the client gave them. The empty name is the unnamed one. Source: PostgreSQL documentation, 54.2.3. */
import { LakeError } from '../../base/errors.ts';
import type { Prepared, PreparedName, RawParameter } from '../../base/statement-session.ts';
import type { RowPump } from './row-pump.ts';

/** A prepared statement and how many names and portals hold it; the last to let go closes it. */
export class HeldStatement {
  readonly prepared: Prepared;
  readonly sql: string;
  /** When it was prepared, milliseconds since 1970. */
  readonly since: number;
  #holders = 1;

  constructor(prepared: Prepared, sql: string, since: number) {
    this.prepared = prepared;
    this.sql = sql;
    this.since = since;
  }

  hold(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    if (--this.#holders === 0) this.prepared.close();
  }
}

export class Statements {
  readonly #byName = new Map<string, HeldStatement>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(name: string): HeldStatement {
    const found = this.#byName.get(name);
    if (!found)
      throw new LakeError(
        'undefined_statement',
        name === '' ? 'unnamed prepared statement does not exist' : `prepared statement "${name}" does not exist`,
      );
    return found;
  }

  /** Throws when the name is taken or the session has too many. */
  checkNew(name: string): void {
    if (this.#byName.has(name)) throw new LakeError('duplicate_statement', `prepared statement "${name}" already exists`);
    if (this.#byName.size >= this.#max) {
      throw new LakeError('limit_exceeded', `a session may hold ${this.#max} prepared statements`, {
        hint: 'Close or DEALLOCATE those no longer needed.',
      });
    }
  }

  set(name: string, held: HeldStatement): void {
    this.#byName.set(name, held);
  }

  /** Those with a name, oldest first. */
  named(): PreparedName[] {
    return [...this.#byName]
      .filter(([name]) => name !== '')
      .map(([name, { prepared, sql, since }]) => ({ name, sql, since, parameters: prepared.parameters }));
  }

  /** Portals made from it keep the plan they have, as in PostgreSQL. False when there is none of that name. */
  delete(name: string): boolean {
    this.#byName.get(name)?.release();
    return this.#byName.delete(name);
  }

  clear(): void {
    for (const name of [...this.#byName.keys()]) this.delete(name);
  }
}

export interface Portal {
  readonly statement: HeldStatement;
  readonly parameters: readonly RawParameter[];
  readonly formats: readonly (0 | 1)[];
  state:
    | { readonly t: 'bound' }
    | { readonly t: 'rows'; readonly pump: RowPump; tag(count: number): string }
    | { readonly t: 'done' };
}

export class Portals {
  readonly #byName = new Map<string, Portal>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  get(name: string): Portal {
    const found = this.#byName.get(name);
    if (!found) throw new LakeError('undefined_cursor', `portal "${name}" does not exist`);
    return found;
  }

  add(name: string, portal: Portal): void {
    if (this.#byName.has(name)) throw new LakeError('duplicate_cursor', `cursor "${name}" already exists`);
    if (this.#byName.size >= this.#max)
      throw new LakeError('limit_exceeded', `a session may hold ${this.#max} portals`, { hint: 'Close those no longer needed.' });
    portal.statement.hold();
    this.#byName.set(name, portal);
  }

  async delete(name: string): Promise<void> {
    const portal = this.#byName.get(name);
    if (!portal) return;
    this.#byName.delete(name);
    if (portal.state.t === 'rows') await portal.state.pump.close();
    portal.statement.release();
  }

  async clear(): Promise<void> {
    for (const name of [...this.#byName.keys()]) await this.delete(name);
  }

  /** After an error: every portal that has begun is over. */
  async clearStarted(): Promise<void> {
    for (const [name, portal] of [...this.#byName]) if (portal.state.t !== 'bound') await this.delete(name);
  }
}
