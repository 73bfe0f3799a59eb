/**
 * The table `duckdb_secrets`, in which a stock DuckDB looks for the keys of a lake's data files: whether it is there when it
 * attaches, all of it once, and by type whenever it opens a file. It is no table here. What it holds is made for the session that
 * asks, is not written anywhere, and never becomes part of a text that DuckDB or a log could show.
 */
import { BLOB, BIGINT, VARCHAR, blobValue } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import type { Column } from '../../base/statement-session.ts';
import { encodeSecret } from './duckdb-secret.ts';
import type { ObjectStoreSecret } from './duckdb-secret.ts';
import { StaticRows, toChunks } from './static-rows.ts';

/** Keys for one session, fresh enough to begin any statement with. Rejects when there are none to be had. */
export type SessionKeys = () => Promise<readonly ObjectStoreSecret[]>;

const secretType = 's3';
const columnTypes = { secret_name: VARCHAR, secret_type: VARCHAR, serialized_secret: BLOB } as const;
type ColumnName = keyof typeof columnTypes;

const whether = /^\s*SELECT\s+to_regclass\s*\(\s*'(?:"?public"?\.)?"?duckdb_secrets"?'\s*\)\s*;?\s*$/i;
const query =
  /^\s*SELECT\s+(?<items>\*|count\s*\(\s*\*\s*\)|[\w\s,]+?)\s+FROM\s+(?:"?public"?\.)?"?duckdb_secrets"?(?:\s+WHERE\s+(?<by>LOWER\s*\(\s*secret_type\s*\)|secret_type|secret_name)\s*=\s*'(?<value>[^']*)')?\s*;?\s*$/i;

/** True if a text may ask for the table: a cheap test before anything is read. */
export function mayAskForSecrets(sql: string): boolean {
  return sql.includes('duckdb_secrets');
}

/** The columns of the answer, for a client that describes first. Throws like `answerSecrets`. */
export function secretsColumns(sql: string): readonly Column[] {
  if (whether.test(sql)) return [{ name: 'to_regclass', type: VARCHAR }];
  const items = readQuery(sql).items;
  return items === 'count' ? [{ name: 'count', type: BIGINT }] : items.map((name) => ({ name, type: columnTypes[name] }));
}

/** Answers a text about the table. Throws `permission_denied` for any that is not a plain SELECT, and what `keys` throws. */
export async function answerSecrets(sql: string, keys: SessionKeys): Promise<StaticRows> {
  const columns = secretsColumns(sql);
  if (whether.test(sql)) return new StaticRows(columns, toChunks({ columns, rows: [['duckdb_secrets']] }));
  const { items, by, value } = readQuery(sql);
  const found = (await keys()).filter(({ name }) => {
    if (by === undefined) return true;
    return by === 'secret_name' ? name === value : value === secretType;
  });
  if (items === 'count') return new StaticRows(columns, toChunks({ columns, rows: [[BigInt(found.length)]] }));
  const rows = found.map((secret) =>
    items.map((name) => {
      if (name === 'secret_name') return secret.name;
      return name === 'secret_type' ? secretType : blobValue(encodeSecret(secret));
    }),
  );
  return new StaticRows(columns, toChunks({ columns, rows }));
}

function readQuery(sql: string): { items: readonly ColumnName[] | 'count'; by?: 'secret_name' | 'secret_type'; value?: string } {
  const groups = query.exec(sql)?.groups;
  if (!groups) throw refused();
  const text = (groups['items'] as string).toLowerCase();
  const names = text === '*' ? Object.keys(columnTypes) : text.split(',').map((name) => name.trim());
  const isCount = text.startsWith('count');
  if (!isCount && !names.every((name) => name in columnTypes)) throw refused();
  const items = isCount ? ('count' as const) : (names as ColumnName[]);
  const { by, value } = groups;
  if (by === undefined || value === undefined) return { items };
  return { items, by: by.toLowerCase() === 'secret_name' ? 'secret_name' : 'secret_type', value };
}

function refused(): LakeError {
  return new LakeError(
    'permission_denied',
    'duckdb_secrets holds the keys this server vends and can be read by plain SELECT only',
    {
      hint: 'Keep secrets of your own in your DuckDB: CREATE SECRET without IN.',
    },
  );
}
