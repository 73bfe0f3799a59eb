/** The environment of the process, for the few functions that are handed none (tests and set-up find extensions by it). */
export const processEnvironment: Readonly<Record<string, string | undefined>> = process.env;
