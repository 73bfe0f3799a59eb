/** Which tier runs, so that one test can do a little in `npm test` and much in `npm run test:long`. */

/** True in `npm run test:long`. */
export const isLong = process.env['TEST_TIER'] === 'long';

/** The count for this tier: `scaled(20_000, 1_000_000)` cases. */
export function scaled(short: number, long: number): number {
  return isLong ? long : short;
}
