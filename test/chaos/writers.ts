/** Clients that write until their connection dies, each in its own way, and note truthfully what they were told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { cstring, fieldsOf, frontend, type Message, WireClient, type WireOptions } from '../support/wire-client.ts';
import { checkOf, type Ledger, type Operation, type Told } from './ledger.ts';

export type WriterKind = 'single' | 'transaction' | 'copy' | 'rollback';

export interface Writer {
  readonly name: string;
  readonly kind: WriterKind;
  readonly round: number;
  readonly ledger: Ledger;
  /** Seeded, in [0, 1). */
  readonly random: () => number;
  /** Set when the pod is about to be killed or the round is over. */
  readonly over: AbortSignal;
}

/** Tables the writers use; counters are one table per transaction writer, so that they never meet in one row. */
export const tables = ['chaos_rows', 'chaos_more'] as const;
export const counterOf = (name: string): string => `chaos_count_${name}`;

/** Writes until the connection breaks or `over` aborts. Throws only for what no kill explains. */
export async function write(writer: Writer, options: WireOptions): Promise<void> {
  const client = await WireClient.logIn(options).catch((error: Error) => {
    if (writer.over.aborted || isBroken(error)) return null;
    throw error;
  });
  if (client === null) return;
  try {
    for (let number = 0; !writer.over.aborted; number++) {
      const isAlive = await runs[writer.kind](writer, client, `r${writer.round}-${writer.name}-${number}`);
      if (!isAlive) return;
      if (writer.random() < 0.1) await sleep(writer.random() * 30);
    }
  } finally {
    client.destroy();
  }
}

const runs: Record<WriterKind, (writer: Writer, client: WireClient, id: string) => Promise<boolean>> = {
  /** One statement, one to three rows: DuckLake keeps them in the catalog. */
  async single({ ledger, round, random }, client, id) {
    const count = 1 + Math.floor(random() * 3);
    const operation = ledger.begin({ id, round, rows: { chaos_rows: count } });
    return settle(operation, await client.query(insert('chaos_rows', id, round, count)));
  },

  /** Two tables and a counter in one transaction block. */
  async transaction({ ledger, round, random, name }, client, id) {
    const [rows, more] = [1 + Math.floor(random() * 4), 1 + Math.floor(random() * 4)];
    const operation = ledger.begin({ id, round, rows: { chaos_rows: rows, chaos_more: more }, counter: counterOf(name) });
    for (const statement of [
      'BEGIN',
      insert('chaos_rows', id, round, rows),
      insert('chaos_more', id, round, more),
      `UPDATE ${counterOf(name)} SET v = v + 1`,
    ]) {
      const messages = await client.query(statement);
      const error = errorIn(messages);
      if (error !== null) {
        operation.told = 'failed'; // COMMIT was never sent
        operation.reason = `${name} ${error} ${textIn(messages)}`;
        return isReady(await client.query('ROLLBACK'));
      }
      if (!isReady(messages)) {
        operation.told = 'failed';
        return false;
      }
    }
    return settle(operation, await client.query('COMMIT'));
  },

  /** COPY of up to 3,000 rows: DuckLake writes a Parquet file for them. */
  async copy({ ledger, round, random }, client, id) {
    const count = 20 + Math.floor(random() ** 3 * 3_000);
    const operation = ledger.begin({ id, round, rows: { chaos_rows: count } });
    client.send(frontend('Q', cstring('COPY chaos_rows (op, round, n, check_sum) FROM STDIN (FORMAT csv)')));
    for (;;) {
      const message = await client.receive();
      if (message === null) {
        operation.told = 'failed'; // not a row was sent
        return false;
      }
      if (message.type === 'E') return settle(operation, [message, ...(await client.receiveUntil('Z'))]);
      if (message.type === 'G') break;
    }
    for (let n = 0; n < count; n += 500) {
      const lines = Array.from({ length: Math.min(500, count - n) }, (_, i) => `${id},${round},${n + i},${checkOf(id, n + i)}\n`);
      client.send(frontend('d', Buffer.from(lines.join(''))));
    }
    client.send(frontend('c'));
    return settle(operation, await client.receiveUntil('Z'));
  },

  /** Never commits: nothing of it may ever be seen. Sometimes it is open when the pod dies. */
  async rollback({ ledger, round, random, over }, client, id) {
    const operation = ledger.begin({ id, round, rows: { chaos_rows: 5 } });
    operation.told = 'failed';
    for (const statement of ['BEGIN', insert('chaos_rows', id, round, 5)]) {
      if (!isReady(await client.query(statement))) return false;
    }
    await sleep(random() * 300, undefined, { signal: over }).catch(() => {});
    return isReady(await client.query('ROLLBACK'));
  },
};

function insert(table: string, id: string, round: number, count: number): string {
  const rows = Array.from({ length: count }, (_, n) => `('${id}', ${round}, ${n}, ${checkOf(id, n)})`);
  return `INSERT INTO ${table} (op, round, n, check_sum) VALUES ${rows.join(', ')}`;
}

/** Notes what the client was told about a commit; false when the connection is gone. */
function settle(operation: Operation, messages: readonly Message[]): boolean {
  const error = errorIn(messages);
  if (error !== null) {
    operation.told = toldBy(error);
    operation.reason = `${operation.id.split('-')[1]} ${error} ${textIn(messages)}`;
  } else {
    // In PostgreSQL CommandComplete is the acknowledgement; ReadyForQuery may be lost with the connection.
    const complete = messages.find((message) => message.type === 'C')?.body.toString('latin1');
    if (complete !== undefined) operation.told = complete.startsWith('ROLLBACK') ? 'failed' : 'acked';
  }
  return isReady(messages);
}

/** Class 08 and 57P0x leave it open whether a commit happened; every other error says that nothing did. */
function toldBy(sqlstate: string): Told {
  return sqlstate.startsWith('08') || sqlstate.startsWith('57P0') ? 'unknown' : 'failed';
}

function errorIn(messages: readonly Message[]): string | null {
  const error = messages.find((message) => message.type === 'E');
  return error === undefined ? null : (fieldsOf(error.body)['C'] ?? '');
}

function textIn(messages: readonly Message[]): string {
  const error = messages.find((message) => message.type === 'E');
  return error === undefined ? '' : (fieldsOf(error.body)['M'] ?? '').slice(0, 160);
}

function isReady(messages: readonly Message[]): boolean {
  return messages.at(-1)?.type === 'Z';
}

function isBroken(error: Error): boolean {
  return /ECONNRE|EPIPE|closed before|undefined/.test(error.message);
}
