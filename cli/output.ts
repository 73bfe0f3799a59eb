/** Answers on stdout: aligned columns for people, JSON for programs. Nothing else goes there. */
import type { Surroundings } from './surroundings.ts';

export type Format = 'table' | 'json';

export interface Column<T> {
  readonly title: string;
  value(row: T): string | null | undefined;
}

/** JSON in full. */
export function writeJson(around: Surroundings, value: unknown): void {
  around.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** One line for a thing that was done. */
export function writeLine(around: Surroundings, text: string): void {
  around.stdout.write(`${text}\n`);
}

/** Columns as wide as their widest value. No rows: `empty`, which names the next command, on stderr. */
export function writeTable<T>(around: Surroundings, columns: readonly Column<T>[], rows: readonly T[], empty: string): void {
  if (rows.length === 0) {
    around.stderr.write(`${empty}\n`);
    return;
  }
  const cells = [
    columns.map(({ title }) => title.toUpperCase()),
    ...rows.map((row) => columns.map((column) => printable(column.value(row) ?? '–'))),
  ];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => widthOf(line[at] as string))));
  cells.forEach((line, index) => {
    const text = line
      .map((cell, at) => (at === line.length - 1 ? cell : cell + ' '.repeat((widths[at] as number) - widthOf(cell))))
      .join('  ');
    around.stdout.write(`${index === 0 && around.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : text}\n`);
  });
}

/** Name and value under each other, names aligned. */
export function writeFields(around: Surroundings, fields: readonly (readonly [string, string | null | undefined])[]): void {
  const width = Math.max(...fields.map(([name]) => name.length));
  for (const [name, value] of fields) around.stdout.write(`${name.padEnd(width)}  ${printable(value ?? '–')}\n`);
}

/** `3 min ago`, `in 29 d`: enough to decide by; JSON has the exact time. */
export function age(iso: string | null | undefined, nowMs: number): string {
  if (!iso) return 'never';
  const difference = Date.parse(iso) - nowMs;
  const seconds = Math.abs(difference) / 1000;
  const [count, unit] =
    seconds < 60
      ? [seconds, 's']
      : seconds < 3600
        ? [seconds / 60, 'min']
        : seconds < 172_800
          ? [seconds / 3600, 'h']
          : [seconds / 86_400, 'd'];
  const text = `${Math.floor(count as number)} ${unit}`;
  return difference > 0 ? `in ${text}` : `${text} ago`;
}

/** Values come from other people: no control character of theirs reaches the terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}

/** Columns a text takes; wide East Asian characters take two. */
function widthOf(text: string): number {
  return [...text].reduce(
    (sum, letter) =>
      sum +
      (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(letter) ? 2 : 1),
    0,
  );
}
