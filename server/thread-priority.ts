/**
 * Threads that compute give way to threads that answer. A statement handed to libuv's pool wakes one of its threads, and
 * the kernel likes to run what it woke at once, in place of the event loop that has answers of others to send; a heavy query
 * then takes its turns from every small one. With the pool less urgent the event loops go first.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Beside the event loops' 0; on a busy core a ninth of their share. */
const poolNice = 10;

/**
 * Makes the threads of libuv's pool, and what they start later (DuckDB's own threads), less urgent than the event loops.
 * Call it after the pool was first used. Where the system has no priorities of threads (it is not Linux) nothing happens.
 */
export function yieldToEventLoops(): void {
  try {
    for (const thread of readdirSync('/proc/self/task'))
      if (readFileSync(`/proc/self/task/${thread}/comm`, 'latin1').trim() === 'libuv-worker')
        setPriority(Number(thread), poolNice);
  } catch {
    // Less even answers, nothing else.
  }
}
