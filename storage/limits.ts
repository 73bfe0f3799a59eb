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
