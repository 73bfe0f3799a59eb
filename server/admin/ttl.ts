/** Lifetimes as people write them. */
import { LakeError } from '../../base/errors.ts';

const unitMs: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};

/** `90m`, `12h`, `30d`, `4w`, `1y` in milliseconds. Throws invalid_argument. */
export function readTtl(text: string): number {
  const parts = /^(\d{1,6})([mhdwy])$/.exec(text);
  if (!parts)
    throw new LakeError('invalid_argument', `"${text}" is no lifetime`, {
      hint: 'Write a number and m, h, d, w or y: 12h, 30d.',
    });
  return Number(parts[1]) * (unitMs[parts[2] as string] as number);
}
