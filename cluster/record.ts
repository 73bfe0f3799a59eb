/** What the records in `cluster_state/` have in common: JSON of format 1, read without trust. */

/** The fields of such a record; null for anything else, however long. `bytesMax` bounds the text. */
export function parseFields(text: string, bytesMax: number): Record<string, unknown> | null {
  if (text.length > bytesMax) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Record<string, unknown>;
  return fields['format'] === 1 ? fields : null;
}

/** A whole number from 0 on that JavaScript holds exactly. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** What tells one process from every other: 16 random bytes in hexadecimal. */
export const isStamp = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
