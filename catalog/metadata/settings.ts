/**
 * The session parameters a PostgreSQL client may read and set. Nothing here reaches DuckDB: what matters is either
 * fixed (UTF8, UTC, ISO dates) or has no meaning for metadata, and is remembered so that SHOW answers what was SET.
 */
import { LakeError } from '../../base/errors.ts';

/** PostgreSQL version that is announced; clients choose their catalog queries by it. */
export const serverVersion = '15.0';

/** Announced after authentication, in this order. */
const announced: readonly (readonly [string, string])[] = [
  ['server_version', serverVersion],
  ['server_encoding', 'UTF8'],
  ['client_encoding', 'UTF8'],
  ['application_name', ''],
  ['is_superuser', 'off'],
  ['session_authorization', ''],
  ['DateStyle', 'ISO, MDY'],
  ['IntervalStyle', 'postgres'],
  ['TimeZone', 'UTC'],
  ['integer_datetimes', 'on'],
  ['standard_conforming_strings', 'on'],
  ['in_hot_standby', 'off'],
  ['default_transaction_read_only', 'off'],
];

const others: readonly (readonly [string, string])[] = [
  ['search_path', 'public'],
  ['transaction_isolation', 'repeatable read'],
  ['default_transaction_isolation', 'repeatable read'],
  ['transaction_read_only', 'off'],
  ['statement_timeout', '0'],
  ['lock_timeout', '0'],
  ['idle_in_transaction_session_timeout', '10s'],
  ['extra_float_digits', '1'],
  ['bytea_output', 'hex'],
  ['client_min_messages', 'notice'],
  ['server_version_num', '150000'],
  ['max_identifier_length', '63'],
  ['row_security', 'on'],
  ['synchronous_commit', 'on'],
];

/** What cannot be changed, because every answer is formed by it. */
const fixed: ReadonlyMap<string, RegExp> = new Map([
  ['client_encoding', /^(utf-?8|unicode|default)$/i],
  ['datestyle', /^iso\b|^default$/i],
  ['intervalstyle', /^(postgres|default)$/i],
  ['timezone', /^(utc|gmt|etc\/utc|default|0)$/i],
  ['standard_conforming_strings', /^(on|true|default)$/i],
  ['bytea_output', /^(hex|default)$/i],
  ['search_path', /^(("?\$user"?\s*,\s*)?"?public"?|default|"?main"?)$/i],
]);

const readOnly: ReadonlySet<string> = new Set([
  'server_version',
  'server_version_num',
  'server_encoding',
  'is_superuser',
  'integer_datetimes',
  'max_identifier_length',
  'in_hot_standby',
  'session_authorization',
]);
/** A session may remember this many parameters of its own, and none longer than this. */
const customMax = 64;
const valueCharactersMax = 4_096;

export class Settings {
  readonly #values = new Map<string, { name: string; value: string }>();
  #custom = 0;

  constructor(user: string, startup: ReadonlyMap<string, string>) {
    for (const [name, value] of [...announced, ...others]) this.#values.set(name.toLowerCase(), { name, value });
    this.#values.set('session_authorization', { name: 'session_authorization', value: user });
    this.#values.set('application_name', {
      name: 'application_name',
      value: (startup.get('application_name') ?? '').slice(0, 63),
    });
  }

  /** ParameterStatus values. */
  get announced(): ReadonlyMap<string, string> {
    return new Map(announced.map(([name]) => [name, this.#values.get(name.toLowerCase())?.value ?? '']));
  }

  get all(): ReadonlyMap<string, string> {
    return new Map([...this.#values.values()].map(({ name, value }) => [name, value]));
  }

  /** Throws `undefined_parameter`. */
  get(name: string): { name: string; value: string } {
    const found = this.#values.get(name.toLowerCase());
    if (!found) throw new LakeError('undefined_parameter', `unrecognized configuration parameter "${name}"`);
    return found;
  }

  /** Sets a parameter; throws for those that cannot be changed here. Returns the parameter if it is an announced one. */
  set(name: string, value: string): { name: string; value: string } | undefined {
    const key = name.toLowerCase();
    if (value.length > valueCharactersMax) throw new LakeError('too_large', `the value of parameter "${name}" is too long`);
    if (readOnly.has(key)) throw new LakeError('invalid_argument', `parameter "${name}" cannot be changed`);
    const allowed = fixed.get(key);
    if (allowed) {
      if (!allowed.test(value.trim())) {
        throw new LakeError(
          'feature_not_supported',
          `parameter "${name}" is always ${this.get(name).value} in a lake's metadata database`,
        );
      }
      return undefined;
    }
    const found = this.#values.get(key);
    if (!found) {
      if (!key.includes('.')) throw new LakeError('undefined_parameter', `unrecognized configuration parameter "${name}"`);
      if (++this.#custom > customMax)
        throw new LakeError('limit_exceeded', `a session may set at most ${customMax} parameters of its own`);
    }
    const entry = { name: found?.name ?? name, value };
    this.#values.set(key, entry);
    return announced.some(([shown]) => shown.toLowerCase() === key) ? entry : undefined;
  }
}
