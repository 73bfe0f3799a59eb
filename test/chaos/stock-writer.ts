/** Drives stock-writer.py: a stock DuckDB process that outlives the kills and attaches again after each restart. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ducklakeConnection, stockExtensionDirectory } from '../support/clients.ts';
import { type Pod, projectRoot } from '../support/pod.ts';
import type { Ledger } from './ledger.ts';

export class StockWriter {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ledger: Ledger;
  #round = 0;
  #waiting: { attached: () => void; over: () => void } = { attached: () => {}, over: () => {} };
  #stderr = '';
  /** Errors that came before anything was committed in a round: a pod that answers but refuses to attach. */
  readonly attachErrors: string[] = [];
  /** Texts of errors on commits, for the report. */
  readonly commitErrors: string[] = [];

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#child = spawn(
      join(projectRoot, '.cache', 'venv', 'bin', 'python'),
      [fileURLToPath(new URL('stock-writer.py', import.meta.url))],
      {
        env: { ...process.env, BOILSTREAM_TEST_EXTENSIONS: stockExtensionDirectory() },
      },
    );
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-10_000)));
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(line));
    this.#child.on('exit', () => {
      this.#waiting.attached();
      this.#waiting.over();
    });
  }

  /** Lets it attach and write. `attached` resolves when the first commit is about to begin, `over` when the pod's death ended it. */
  begin(pod: Pod, round: number): { attached: Promise<void>; over: Promise<void> } {
    if (this.#child.exitCode !== null) throw new Error(`the stock client ended: ${this.#stderr}`);
    this.#round = round;
    const attached = new Promise<void>((resolve) => (this.#waiting = { ...this.#waiting, attached: resolve }));
    const over = new Promise<void>((resolve) => (this.#waiting = { ...this.#waiting, over: resolve }));
    this.#child.stdin.write(`${JSON.stringify({ connection: ducklakeConnection(pod), round })}\n`);
    return { attached, over };
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #hear(line: string): void {
    const [word, id = '', ...rest] = line.split(' ');
    switch (word) {
      case 'attached':
        this.#waiting.attached();
        return;
      case 'try':
        this.#ledger.begin({ id, round: this.#round, rows: { chaos_rows: Number(rest[0]) } });
        return;
      case 'ack': {
        const operation = this.#ledger.operations.get(id);
        if (operation) operation.told = 'acked';
        return;
      }
      case 'error':
        (id === '-' ? this.attachErrors : this.commitErrors).push(rest.join(' '));
        return;
      case 'over':
        this.#waiting.attached();
        this.#waiting.over();
        return;
    }
  }
}
