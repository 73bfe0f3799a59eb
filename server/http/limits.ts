/** Bounds of the HTTP servers. */

/** The largest honest body is a login or a name; a megabyte of JSON is an attack. */
export const bodyBytesMax = 64 * 1024;
/** Names and ids in paths. */
export const pathParameterLengthMax = 300;
/** The whole request must be here after this long (slow-loris). */
export const requestTimeoutMs = 15_000;
/** A connection with nothing to say is closed. Longer than most proxies keep theirs would invite resets. */
export const keepAliveTimeoutMs = 65_000;
/** A making of a lake on a slow store takes seconds; nothing takes longer than this. */
export const handlerTimeoutMs = 120_000;
/** Open connections of one listener. */
export const connectionsMax = 1000;
