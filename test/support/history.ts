/**
 * What clients of a replicated log were told, and what must then be true of what is restored. Independent of the log:
 * it knows databases, ids of commits and the words "done" and "refused".
 */

export class History {
  readonly #began = new Map<string, Set<string>>();
  readonly #acknowledged: Array<readonly [string, string]> = [];
  readonly #refused: Array<readonly [string, string]> = [];
  readonly #stale: string[] = [];
  readonly #reads: Array<readonly [string, readonly string[]]> = [];

  /** A client is about to send a commit. */
  began(database: string, id: string): void {
    const ids = this.#began.get(database) ?? new Set();
    this.#began.set(database, ids.add(id));
  }

  /** The client was told that the commit is done. */
  acknowledged(database: string, id: string): void {
    this.#acknowledged.push([database, id]);
  }

  /** The client was told that nothing was done. */
  refused(database: string, id: string): void {
    this.#refused.push([database, id]);
  }

  /** A reader was answered with these commits, in this order. */
  read(database: string, ids: readonly string[]): void {
    this.#reads.push([database, ids]);
  }

  /** A reader was answered by the pod that had acknowledged `id` before the read began, without it. */
  stale(database: string, id: string): void {
    this.#stale.push(`${database}: ${id} was acknowledged, and a later read on the same pod did not show it`);
  }

  get counts(): { began: number; acknowledged: number; refused: number; reads: number } {
    let began = 0;
    for (const ids of this.#began.values()) began += ids.size;
    return { began, acknowledged: this.#acknowledged.length, refused: this.#refused.length, reads: this.#reads.length };
  }

  /** What is wrong with `final`; empty when all promises are kept. */
  violations(final: ReadonlyMap<string, readonly string[]>): string[] {
    const wrong: string[] = [...this.#stale];
    const present = new Map([...final].map(([database, ids]) => [database, new Set(ids)]));
    for (const [database, ids] of final) {
      if (new Set(ids).size !== ids.length) wrong.push(`${database}: a commit is there twice`);
      for (const id of ids) if (!this.#began.get(database)?.has(id)) wrong.push(`${database}: ${id} was never sent`);
    }
    for (const [database, id] of this.#acknowledged)
      if (!present.get(database)?.has(id)) wrong.push(`${database}: ${id} was acknowledged and is lost`);
    for (const [database, id] of this.#refused)
      if (present.get(database)?.has(id)) wrong.push(`${database}: ${id} was called refused and is there`);
    for (const [database, ids] of this.#reads) {
      const now = final.get(database) ?? [];
      const at = ids.findIndex((id, index) => now[index] !== id);
      if (at >= 0) wrong.push(`${database}: a reader was shown ${ids[at]} as commit ${at}, which is now ${now[at] ?? 'nothing'}`);
    }
    return [...new Set(wrong)];
  }
}
