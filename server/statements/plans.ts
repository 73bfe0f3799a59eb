/**
 * Prepared DuckDB statements of one session by their text, so that a statement seen before needs no parsing, binding or
 * planning. DuckDB itself plans again when a table it names has changed; what it cannot see (the session's settings and
 * variables, which it folds into the plan) empties the cache.
 */
import { anyParameters } from './any-parameters.ts';
import { announcedName } from './column-name.ts';
import { type DuckDBPreparedStatement, type DuckDBType, DuckDBTypeId, VARCHAR } from '@duckdb/node-api';
import { LakeError } from '../../base/errors.ts';
import { duckdbType } from '../../base/pg-parameter.ts';
import { oid, toPgType } from '../../base/pg-types.ts';
import { tokenize } from '../../base/sql-lexer.ts';
import type { Column } from '../../base/statement-session.ts';
import type { EngineConnection } from '../engine/connection.ts';

export interface Plan {
  readonly prepared: DuckDBPreparedStatement;
  /** Types announced for the parameters. */
  readonly parameters: readonly number[];
  /** What DuckDB wants bound, INVALID where it does not know. */
  readonly parameterTypes: readonly DuckDBType[];
  readonly columns: readonly Column[];
  /** Belongs to the cache. */
  readonly kept: boolean;
}

/** Plans kept per session, and the longest text worth keeping. */
export const plansMax = 48;
export const planTextMax = 8192;
/** How often a statement is prepared anew to find the types of its parameters. */
const castRoundsMax = 32;
/** PostgreSQL's own limit: the count is an int16 in Bind. */
const parametersMax = 65_535;

export class Plans {
  readonly #plans = new Map<string, Plan>();

  /**
   * The plan of a text with parameters declared as these oids (0 = not declared). Rejects with DuckDB's error. One that is
   * not kept is the caller's to destroy. `announce` may give its columns other types.
   */
  async get(
    connection: EngineConnection,
    sql: string,
    oids: readonly number[],
    keep: boolean,
    announce?: (columns: readonly Column[]) => readonly Column[],
  ): Promise<Plan> {
    const key = oids.length === 0 ? sql : `${oids.join()}\n${sql}`;
    const found = this.#plans.get(key);
    if (found !== undefined) {
      // Last used last: the first of the map is the one to go.
      this.#plans.delete(key);
      this.#plans.set(key, found);
      return found;
    }
    const made = await makePlan(connection, sql, oids);
    const plan: Plan = {
      ...made,
      kept: keep && sql.length <= planTextMax,
      columns: announce ? announce(made.columns) : made.columns,
    };
    if (plan.kept) {
      this.#plans.set(key, plan);
      if (this.#plans.size > plansMax) {
        const [oldest, evicted] = this.#plans.entries().next().value as [string, Plan];
        this.#plans.delete(oldest);
        evicted.prepared.destroySync();
      }
    }
    return plan;
  }

  /** Forgets one plan: it has become another than what the client was told. */
  forget(plan: Plan): void {
    for (const [key, one] of this.#plans) if (one === plan) this.#plans.delete(key);
  }

  clear(): void {
    for (const { prepared } of this.#plans.values()) prepared.destroySync();
    this.#plans.clear();
  }
}

async function makePlan(connection: EngineConnection, sql: string, oids: readonly number[]): Promise<Omit<Plan, 'kept'>> {
  let prepared = await connection.prepare(sql);
  const count = prepared.parameterCount;
  if (count === 0) return { prepared, parameters: [], parameterTypes: [], columns: columnsOf(prepared) };
  if (count > parametersMax) throw new LakeError('too_large', `a statement may have ${parametersMax} parameters`);
  let types = parameterTypes(prepared);
  // DuckDB finds a parameter's type from where it stands. Where it cannot, it stops looking at the rest and cannot describe
  // the columns either, so the client's declaration is said in the text, and text for the first that was not declared, as
  // PostgreSQL decides; then the rest is seen.
  const casts = types.some(isUnknown) ? await listCasts(connection, sql, types, oids) : new Map<number, string>();
  if (casts.size > 0) {
    const typed = await connection.prepare(castParameters(sql, casts));
    prepared.destroySync();
    prepared = typed;
    types = parameterTypes(prepared);
  }
  for (let round = 0; types.some(isUnknown) && round < castRoundsMax; round++) {
    const before = casts.size;
    types.forEach((type, i) => {
      const declared = oids[i] || oid.unknown;
      if (isUnknown(type) && declared !== oid.unknown) casts.set(i + 1, String(duckdbType(declared)));
    });
    const first = types.findIndex((type, i) => isUnknown(type) && (oids[i] || oid.unknown) === oid.unknown);
    const untyped = new Map(casts);
    if (first >= 0) casts.set(first + 1, String(VARCHAR));
    // Text may not fit there (`range($1)`): then what is bound will say what it is.
    const typed = await connection
      .prepare(castParameters(sql, casts))
      .catch(() => (untyped.size > before ? connection.prepare(castParameters(sql, untyped)) : null));
    if (typed === null) break;
    prepared.destroySync();
    prepared = typed;
    types = parameterTypes(prepared);
  }
  const parameters = types.map((type, i) => {
    const declared = oids[i] ?? 0;
    if (declared !== 0 && declared !== oid.unknown) return declared;
    return isUnknown(type) ? oid.text : toPgType(type).oid;
  });
  const isDescribed = prepared.columnCount !== 1 || prepared.columnTypeId(0) !== DuckDBTypeId.INVALID;
  const columns = isDescribed ? columnsOf(prepared) : await columnsWithNulls(connection, sql, types, oids);
  return { prepared, parameters, parameterTypes: types, columns: columns ?? columnsOf(prepared) };
}

/**
 * The columns of a statement that DuckDB cannot plan before its parameters have values, such as `FROM range($1)`: those
 * of the same text with NULLs in their place. Null when that cannot be planned either.
 */
async function columnsWithNulls(
  connection: EngineConnection,
  sql: string,
  types: readonly DuckDBType[],
  oids: readonly number[],
): Promise<Column[] | null> {
  const nulls = tokenize(sql)
    .map(({ kind, text }) => {
      if (kind !== 'parameter') return text;
      const at = Number(text.slice(1)) - 1;
      const type = types[at];
      if (type !== undefined && !isUnknown(type)) return `CAST(NULL AS ${type})`;
      const declared = oids[at] || oid.unknown;
      return declared === oid.unknown ? 'NULL' : `CAST(NULL AS ${duckdbType(declared)})`;
    })
    .join('');
  const described = await connection.prepare(nulls).catch(() => null);
  if (described === null) return null;
  const columns = columnsOf(described);
  described.destroySync();
  return columns;
}

/** Casts for parameters that are lists by their place (`= ANY($1)`), of the type their elements are compared with. */
async function listCasts(
  connection: EngineConnection,
  sql: string,
  types: readonly DuckDBType[],
  oids: readonly number[],
): Promise<Map<number, string>> {
  const casts = new Map<number, string>();
  const lists = anyParameters(tokenize(sql));
  if (lists === null) return casts;
  const probed = await connection.prepare(lists.probe).catch(() => null);
  const elements = probed === null ? [] : parameterTypes(probed);
  probed?.destroySync();
  for (const number of lists.numbers) {
    const type = types[number - 1];
    if (type === undefined || !isUnknown(type) || (oids[number - 1] || oid.unknown) !== oid.unknown) continue;
    const element = elements[number - 1];
    casts.set(number, `${element === undefined || isUnknown(element) ? VARCHAR : element}[]`);
  }
  return casts;
}

const unknownTypes: ReadonlySet<DuckDBTypeId> = new Set([DuckDBTypeId.INVALID, DuckDBTypeId.ANY, DuckDBTypeId.SQLNULL]);

/** A parameter DuckDB could not give a type. */
export function isUnknown(type: DuckDBType): boolean {
  const id: DuckDBTypeId = type.typeId;
  return unknownTypes.has(id);
}

function parameterTypes(prepared: DuckDBPreparedStatement): DuckDBType[] {
  return Array.from({ length: prepared.parameterCount }, (_, i) => {
    try {
      return prepared.parameterType(i + 1);
    } catch {
      return { typeId: DuckDBTypeId.INVALID } as unknown as DuckDBType;
    }
  });
}

function columnsOf(prepared: DuckDBPreparedStatement): Column[] {
  return Array.from({ length: prepared.columnCount }, (_, i) => {
    const id = prepared.columnTypeId(i);
    return { name: announcedName(prepared.columnName(i)), type: id === DuckDBTypeId.INVALID ? VARCHAR : prepared.columnType(i) };
  });
}

/** `$1` becomes `CAST($1 AS INTEGER)`; inside strings and comments nothing changes. */
function castParameters(sql: string, types: ReadonlyMap<number, string>): string {
  return tokenize(sql)
    .map(({ kind, text }) => {
      const type = kind === 'parameter' ? types.get(Number(text.slice(1))) : undefined;
      return type === undefined ? text : `CAST(${text} AS ${type})`;
    })
    .join('');
}
