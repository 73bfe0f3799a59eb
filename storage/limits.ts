/** Every bound of this room, with its unit and reason. */

/** Bodies up to this many bytes are written in the calling thread: copying them costs less than a thread hop (~50 µs). */
export const inlineWriteBytesMax = 128 * 1024;

/** A disk whose flush takes less than this (ms, moving average) is waited for in place instead of in a pool thread. */
export const inPlaceFlushMsMax = 1;

/** After so many pool flushes one is done in place again, to learn whether the disk has become fast. */
export const flushRemeasureCount = 256;

/** How long a writer waits for the lock of a directory store before it says so (ms). It is held for one flush at a time. */
export const lockWaitMsMax = 10_000;

/** Temporary files older than this (ms) belong to nobody: no put waits so long. */
export const temporaryAgeMsMax = 60 * 60 * 1000;

/** Objects up to this size (bytes) are read whole to answer a ranged read with its ETag; larger ones are hashed in steps. */
export const wholeReadBytesMax = 1024 * 1024;

/** One object (bytes). S3's limit for one PUT is 5 GiB; what we write is far smaller, and a buffer must hold it. */
export const bodyBytesMax = 1024 * 1024 * 1024;

/** How many directories a store remembers as made; forgetting one costs a flush. */
export const knownDirectoriesMax = 10_000;

/** Deadline of one S3 request (ms), to which the time of the body is added: S3 answers in tens of ms, so this is an outage. */
export const requestMsMax = 15_000;

/** Slowest transfer that is still waited for (bytes per ms = 1 MB/s). */
export const slowestBytesPerMs = 1_000;

/** Time to a TCP and TLS connection (ms). */
export const connectMsMax = 5_000;

/** How often a read, or a write of which S3 says that nothing landed, is sent again after the first time. */
export const retryCountMax = 6;

/** Pause before the first repetition (ms); doubles each time, with full jitter, up to `retryPauseMsMax`. */
export const retryPauseMs = 50;
export const retryPauseMsMax = 2_000;

/** Sockets kept open to S3. Log put, snapshot chunks and reads of a restore; more only queue at the store. */
export const socketsMax = 48;

/** Key files are looked at again after this long (ms); a rotated secret is in use that soon. */
export const keyFileCheckMs = 1_000;

/** Largest page of a listing S3 gives. */
export const listPageKeysMax = 1_000;

/** How often the start-up probe is begun when the store's answers get lost, and the pause before the next time (ms, times the attempt). */
export const probeAttemptsMax = 5;
export const probePauseMs = 100;
