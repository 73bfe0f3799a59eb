/**
 * What clients of a simulated cluster were told, and what must then be true. Knows ids of writes, epochs and instants;
 * nothing of the election, of records or of leases beyond "this pod says that it may answer by itself now".
 */

export class ClusterAudit {
  readonly violations = new Set<string>();
  readonly #began = new Set<string>();
  readonly #acknowledged: string[] = [];
  readonly #reads: Array<{ readonly length: number; readonly last: string }> = [];
  readonly #leaders = new Map<number, string>();
  reads = 0;
  leases = 0;

  began(id: string): void {
    this.#began.add(id);
  }

  acknowledged(id: string): void {
    this.#acknowledged.push(id);
  }

  get writes(): number {
    return this.#acknowledged.length;
  }

  /** A read begins: whatever was acknowledged by now must be in its answer. */
  readBegins(): number {
    return this.#acknowledged.length;
  }

  /** The reader was answered with these ids. `mark` is what `readBegins` gave. */
  read(who: string, mark: number, ids: readonly string[]): void {
    this.reads++;
    if (ids.length > 0) this.#reads.push({ length: ids.length, last: ids.at(-1) as string });
    // A stale snapshot lacks the newest ones first.
    const shown = new Set(ids);
    for (const id of this.#acknowledged.slice(Math.max(0, mark - 10), mark))
      if (!shown.has(id)) this.violations.add(`a reader of ${who} was not shown ${id}, acknowledged before it asked`);
  }

  /** A pod begins to lead an epoch. */
  leads(who: string, epoch: number): void {
    const before = this.#leaders.get(epoch);
    if (before !== undefined && before !== who) this.violations.add(`epoch ${epoch} is led by ${before} and by ${who}`);
    this.#leaders.set(epoch, who);
  }

  /** These pods run now and say that they may answer without asking anybody. */
  mayAnswer(pods: readonly string[]): void {
    this.leases += pods.length;
    if (pods.length > 1) this.violations.add(`${pods.join(' and ')} may answer at the same instant`);
  }

  /** What the log says in the end. */
  ends(final: readonly string[]): void {
    const present = new Set(final);
    if (present.size !== final.length) this.violations.add('a write is there twice');
    for (const id of final) if (!this.#began.has(id)) this.violations.add(`${id} was never sent`);
    for (const id of this.#acknowledged) if (!present.has(id)) this.violations.add(`${id} was acknowledged and is lost`);
    for (const { length, last } of this.#reads)
      if (final[length - 1] !== last) this.violations.add(`a reader was shown ${last} as number ${length}, and it is not there`);
  }
}
