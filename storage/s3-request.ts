/** Deadlines and repetition of S3 requests: reads again and again, writes only when nothing landed. */
import type { Clock } from '../base/clock.ts';
import { LakeError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { requestMsMax, retryCountMax, retryPauseMs, retryPauseMsMax, slowestBytesPerMs } from './limits.ts';
import { classify } from './s3-error.ts';

/** Sends one request; `extend` gives it that many ms more from now on, when the size of the answer is known. */
export type Send<T> = (signal: AbortSignal, extend: (ms: number) => void) => Promise<T>;

export class S3Requests {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(url: string, clock: Clock, random: Random) {
    this.#url = url;
    this.#clock = clock;
    this.#random = random;
  }

  /** Repeats a read until it succeeds, is refused for good, or has been tried often enough. */
  async read<T>(doing: string, signal: AbortSignal | undefined, send: Send<T>): Promise<T> {
    for (let round = 0; ; round++) {
      try {
        return await this.#attempt(doing, false, signal, 0, send);
      } catch (thrown) {
        if (!(thrown instanceof RetryLater)) throw thrown;
        await this.#pauseOrGiveUp(round, thrown, signal);
      }
    }
  }

  /** Sends a write once, and again only while the store says that nothing landed. `bytes` lengthens its deadline. */
  async write<T>(doing: string, signal: AbortSignal | undefined, bytes: number, send: Send<T>): Promise<T> {
    for (let round = 0; ; round++) {
      try {
        return await this.#attempt(doing, true, signal, bytes, send);
      } catch (thrown) {
        if (!(thrown instanceof RetryLater)) throw thrown;
        await this.#pauseOrGiveUp(round, thrown, signal);
      }
    }
  }

  /** One request with a deadline. Throws LakeError, or RetryLater when the same may be sent again. */
  async #attempt<T>(doing: string, isWrite: boolean, signal: AbortSignal | undefined, bytes: number, send: Send<T>): Promise<T> {
    if (signal?.aborted)
      throw new LakeError('store_unavailable', `${doing} in ${this.#url} was given up before it was sent`, {
        retriable: true,
        cause: signal.reason,
      });
    const deadline = new AbortController();
    const expire = (): void => deadline.abort(new LakeError('deadline_exceeded', `${doing} took too long`));
    let cancel = this.#clock.after(requestMsMax + bytes / slowestBytesPerMs, expire);
    const extend = (ms: number): void => {
      cancel();
      cancel = this.#clock.after(requestMsMax + ms, expire);
    };
    try {
      return await send(signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]), extend);
    } catch (thrown) {
      const verdict = classify(thrown, { doing, url: this.#url, isWrite });
      if (verdict.again && !signal?.aborted) throw new RetryLater(verdict.error);
      throw verdict.error;
    } finally {
      cancel();
    }
  }

  async #pauseOrGiveUp(round: number, later: RetryLater, signal: AbortSignal | undefined): Promise<void> {
    if (round >= retryCountMax) throw later.error;
    const pause = this.#random.fraction() * Math.min(retryPauseMsMax, retryPauseMs * 2 ** round);
    try {
      await this.#clock.sleep(pause, signal === undefined ? {} : { signal });
    } catch {
      throw later.error;
    }
  }
}

/** Carries the error to report when no attempt is left. Never leaves this file. */
class RetryLater extends Error {
  readonly error: LakeError;
  constructor(error: LakeError) {
    super(error.message);
    this.error = error;
  }
}
