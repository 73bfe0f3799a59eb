/** CommandComplete texts. Source: PostgreSQL documentation, 54.7, "CommandComplete". */

const counted: ReadonlySet<string> = new Set(['SELECT', 'UPDATE', 'DELETE', 'MERGE', 'FETCH', 'MOVE', 'COPY']);

/** `SELECT 5`, `INSERT 0 5`, `CREATE TABLE`. */
export function tagOf(tag: string, count: number): string {
  if (tag === 'INSERT') return `INSERT 0 ${count}`;
  return counted.has(tag) ? `${tag} ${count}` : tag;
}
