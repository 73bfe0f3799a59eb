/**
 * What pg_catalog shows of a lake's metadata database, computed from the CatalogView: schemas, tables, columns, keys.
 * Object ids are hashes of what they stand for, so they are the same on every pod and change when a table changes.
 * Nothing of other lakes, of DuckDB's own catalog or of tables that are not DuckLake's is shown.
 */
import { defaultSchema } from '../catalog-view.ts';
import type { CatalogView, ViewTable } from '../catalog-view.ts';
import { isServedName } from '../dialect/translation.ts';

/** pg_catalog's own oid in every PostgreSQL, and public's. */
export const systemNamespace = 11;
const publicNamespace = 2200;
const firstUserOid = 16_384;

export interface ShownNamespace {
  readonly oid: number;
  readonly name: string;
}

export interface ShownTable {
  readonly oid: number;
  readonly namespace: ShownNamespace;
  readonly table: ViewTable;
  readonly keys: readonly {
    readonly oid: number;
    readonly name: string;
    readonly primary: boolean;
    readonly positions: readonly number[];
  }[];
}

export interface Shown {
  /** By oid. */
  readonly namespaces: readonly ShownNamespace[];
  /** By namespace oid, then name. */
  readonly tables: readonly ShownTable[];
}

const cache = new WeakMap<CatalogView, Shown>();

/** Everything pg_catalog shows of a view; computed once per view. */
export function shown(view: CatalogView): Shown {
  const known = cache.get(view);
  if (known) return known;
  const taken = new Set<number>();
  const namespaces = [...view.schemas.keys()].map((name) => ({
    name,
    oid: name === defaultSchema ? publicNamespace : hashOid(`schema ${name}`, taken),
  }));
  namespaces.sort((a, b) => a.oid - b.oid);
  const byName = new Map(namespaces.map((n) => [n.name, n]));
  const tables: ShownTable[] = [];
  for (const table of [...view.tables].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const namespace = byName.get(table.schema.toLowerCase());
    if (!namespace || !isServedName(table.name)) continue;
    const what = `${table.schema}.${table.name}(${table.columns.map((c) => `${c.name} ${c.type.duckdb} ${c.notNull}`).join(',')})`;
    const keys = table.keys.map((key) => {
      const name = key.primary ? `${table.name}_pkey` : `${table.name}_${key.columns.join('_')}_key`;
      const positions = key.columns.map(
        (column) => table.columns.findIndex((c) => c.name.toLowerCase() === column.toLowerCase()) + 1,
      );
      return { oid: hashOid(`key ${table.schema}.${name}`, taken), name, primary: key.primary, positions };
    });
    tables.push({ oid: hashOid(what, taken), namespace, table, keys });
  }
  tables.sort((a, b) => a.namespace.oid - b.namespace.oid);
  const result = { namespaces, tables };
  cache.set(view, result);
  return result;
}

/** FNV-1a, folded into the range of user oids below 2^31 (clients read them as signed too); a taken one moves on. */
function hashOid(text: string, taken: Set<number>): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  let oid = firstUserOid + (hash % (0x7fff_ffff - firstUserOid));
  while (taken.has(oid)) oid = oid + 1 > 0x7fff_fffe ? firstUserOid : oid + 1;
  taken.add(oid);
  return oid;
}
