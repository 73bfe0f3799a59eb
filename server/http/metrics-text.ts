/**
 * The metrics of several registries (one per thread) as one Prometheus text. A family that both have is written
 * once, with the samples of the second told apart by a label. Source: Prometheus text format 0.0.4.
 */

/** `second`'s samples get `thread="<label>"` where the family is in `first` too. */
export function mergeMetrics(first: string, second: string, label: string): string {
  const families = familiesOf(first);
  for (const [name, lines] of familiesOf(second)) {
    const present = families.get(name);
    if (!present) families.set(name, lines);
    else present.push(...lines.filter((line) => !line.startsWith('#')).map((line) => labelled(line, label)));
  }
  return [...families.values()].map((lines) => `${lines.join('\n')}\n`).join('\n');
}

function familiesOf(text: string): Map<string, string[]> {
  const families = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const head = /^# HELP (\S+)/.exec(line);
    if (head) {
      current = families.get(head[1] as string) ?? [];
      families.set(head[1] as string, current);
    }
    if (line !== '') current.push(line);
  }
  return families;
}

function labelled(sample: string, label: string): string {
  const brace = sample.indexOf('{');
  const space = sample.indexOf(' ');
  if (brace >= 0 && brace < space) return `${sample.slice(0, brace + 1)}thread="${label}",${sample.slice(brace + 1)}`;
  return `${sample.slice(0, space)}{thread="${label}"}${sample.slice(space)}`;
}
