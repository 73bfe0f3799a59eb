/** Binds a client's parameters to a plan: decoded as the type they were announced as, then put into the type DuckDB expects. */
import { type DuckDBType, DuckDBTypeId, type DuckDBValue } from '@duckdb/node-api';
import { type DecodedParameter, decodeParameter } from '../../base/pg-parameter.ts';
import { toPgType } from '../../base/pg-types.ts';
import type { RawParameter } from '../../base/statement-session.ts';
import { DeeperArray, dimensionsOf } from './deeper-arrays.ts';
import { isUnknown, type Plan } from './plans.ts';

/** Throws invalid_text_representation and the like, and DeeperArray. `offsetOf`: zone offset in seconds east at local microseconds. */
export function bindParameters(plan: Plan, parameters: readonly RawParameter[], offsetOf: (localMicros: bigint) => number): void {
  parameters.forEach((parameter, i) => {
    const wanted = plan.parameterTypes[i] as DuckDBType;
    const { value, type } = decode(parameter, wanted, offsetOf);
    // DuckDB would make text of the inner lists.
    if (dimensionsOf(type) > Math.max(1, dimensionsOf(wanted)) && !isUnknown(wanted)) throw new DeeperArray(i + 1, type, wanted);
    if (value === null) plan.prepared.bindNull(i + 1);
    else plan.prepared.bindValue(i + 1, value, type);
  });
}

function decode(parameter: RawParameter, wanted: DuckDBType, offsetOf: (localMicros: bigint) => number): DecodedParameter {
  if (isUnknown(wanted)) return decodeParameter(parameter.oid, parameter.format, parameter.value, offsetOf);
  // Text says the same for every type, so it is read as the type the statement needs.
  const id = parameter.format === 0 ? toPgType(wanted).oid : parameter.oid;
  const decoded = decodeParameter(id, parameter.format, parameter.value, offsetOf);
  return integerAs(decoded, wanted) ?? decoded;
}

const integers: ReadonlyMap<DuckDBTypeId, boolean> = new Map([
  [DuckDBTypeId.TINYINT, false],
  [DuckDBTypeId.SMALLINT, false],
  [DuckDBTypeId.INTEGER, false],
  [DuckDBTypeId.UTINYINT, false],
  [DuckDBTypeId.USMALLINT, false],
  [DuckDBTypeId.UINTEGER, false],
  [DuckDBTypeId.BIGINT, true],
  [DuckDBTypeId.HUGEINT, true],
]);
const ranges: ReadonlyMap<DuckDBTypeId, readonly [bigint, bigint]> = new Map([
  [DuckDBTypeId.TINYINT, [-128n, 127n]],
  [DuckDBTypeId.SMALLINT, [-32_768n, 32_767n]],
  [DuckDBTypeId.INTEGER, [-2_147_483_648n, 2_147_483_647n]],
  [DuckDBTypeId.UTINYINT, [0n, 255n]],
  [DuckDBTypeId.USMALLINT, [0n, 65_535n]],
  [DuckDBTypeId.UINTEGER, [0n, 4_294_967_295n]],
  [DuckDBTypeId.BIGINT, [-(2n ** 63n), 2n ** 63n - 1n]],
  [DuckDBTypeId.HUGEINT, [-(2n ** 127n), 2n ** 127n - 1n]],
]);

/**
 * An integer in the width the plan was made for: another width would make DuckDB plan again at every execution. A value
 * that does not fit stays as it is; DuckDB then compares it in the wider type, or refuses it with its own words.
 */
function integerAs({ value, type }: DecodedParameter, wanted: DuckDBType): DecodedParameter | null {
  const big = integers.get(wanted.typeId);
  if (value === null || big === undefined || !integers.has(type.typeId) || type.typeId === wanted.typeId) return null;
  const exact = BigInt(value as number | bigint);
  const [min, max] = ranges.get(wanted.typeId) as readonly [bigint, bigint];
  if (exact < min || exact > max) return null;
  return { value: (big ? exact : Number(exact)) as DuckDBValue, type: wanted };
}
