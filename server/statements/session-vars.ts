/**
 * The settings a client can SET, SHOW and RESET. A table, as PostgreSQL's guc_tables.c: what is not in it does not exist
 * (42704). Most only remember their value, because tools set them and read them back; some do something: TimeZone,
 * DateStyle, IntervalStyle, search_path and the time-outs. Names are case-insensitive and keep the spelling of the table when reported.
 */
import { LakeError } from '../../base/errors.ts';

interface Definition {
  readonly name: string;
  readonly initial: string;
  /** Announced to the client by ParameterStatus at start and when it changes. */
  readonly reported?: boolean;
  /** Cannot be set. */
  readonly fixed?: boolean;
  /** Checks and normalises a value. */
  readonly check?: (value: string) => string;
}

const boolean = (value: string): string => {
  const lower = value.toLowerCase();
  if (['on', 'true', 'yes', '1', 't', 'y'].includes(lower)) return 'on';
  if (['off', 'false', 'no', '0', 'f', 'n'].includes(lower)) return 'off';
  throw new LakeError('invalid_argument', `"${value}" is not a Boolean value`);
};
const oneOf =
  (...values: string[]) =>
  (value: string): string => {
    const found = values.find((one) => one.toLowerCase() === value.toLowerCase());
    if (found === undefined)
      throw new LakeError('invalid_argument', `"${value}" is not one of ${values.join(', ')}`, {
        hint: `Available values: ${values.join(', ')}.`,
      });
    return found;
  };
const integer =
  (min: number, max: number) =>
  (value: string): string => {
    const number = Number(value);
    if (!/^[+-]?\d+$/.test(value.trim()) || number < min || number > max)
      throw new LakeError('invalid_argument', `${value} is outside the valid range (${min} .. ${max})`);
    return String(number);
  };
const units: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };
/** Milliseconds, with PostgreSQL's units. */
const duration = (value: string): string => {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*$/.exec(value);
  const ms = match ? Math.round(Number(match[1]) * (units[match[2] ?? 'ms'] as number)) : Number.NaN;
  if (!Number.isSafeInteger(ms) || ms > 2_147_483_647)
    throw new LakeError('invalid_argument', `"${value}" is not a time`, {
      hint: 'Valid units are "us", "ms", "s", "min", "h" and "d".',
    });
  return showDuration(ms);
};
/** Milliseconds as a setting's text: 5000 is shown as `5s`, as PostgreSQL does. */
export function showDuration(ms: number): string {
  if (ms === 0) return '0';
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const)
    if (ms % size === 0) return `${ms / size}${unit}`;
  return `${ms}ms`;
}
const encoding = (value: string): string => {
  // Letters and digits are what counts in an encoding's name, as in PostgreSQL (asyncpg sends it with quotes around it).
  if (['utf8', 'unicode', 'sqlascii'].includes(value.toLowerCase().replace(/[^a-z0-9]/g, ''))) return 'UTF8';
  throw new LakeError('feature_not_supported', `client encoding "${value}" is not supported`, { hint: 'Use UTF8.' });
};
const dateStyles: Readonly<Record<string, string>> = { iso: 'ISO', sql: 'SQL', german: 'German' };
/** Style and order, in any order; what is not named is as at the start, and German has an order of its own. */
const dateStyle = (value: string): string => {
  let style = '';
  let order = '';
  for (const part of value.toLowerCase().split(/[\s,]+/)) {
    if (dateStyles[part] !== undefined) style = dateStyles[part];
    else if (part.startsWith('postgres')) style = 'Postgres';
    else if (part === 'ymd' || part === 'dmy' || part === 'mdy') order = part.toUpperCase();
    else if (part.startsWith('euro')) order = 'DMY';
    else if (part === 'us' || part.startsWith('noneuro')) order = 'MDY';
    else if (part !== '' && part !== 'default') throw new LakeError('invalid_argument', `unrecognized key word: "${part}"`);
  }
  return `${style || 'ISO'}, ${order || (style === 'German' ? 'DMY' : 'MDY')}`;
};
const only =
  (wanted: string, hint: string) =>
  (value: string): string => {
    if (value.toLowerCase() === wanted) return wanted;
    throw new LakeError('feature_not_supported', `only "${wanted}" is supported here, not "${value}"`, { hint });
  };
const isolation = oneOf('read uncommitted', 'read committed', 'repeatable read', 'serializable');

/** What the server says it is. The number drivers branch on, and the words people read. */
export const serverVersion = '15.0 (BoilStream)';

const definitions: readonly Definition[] = [
  { name: 'server_version', initial: serverVersion, reported: true, fixed: true },
  { name: 'server_version_num', initial: '150000', fixed: true },
  { name: 'server_encoding', initial: 'UTF8', reported: true, fixed: true },
  { name: 'client_encoding', initial: 'UTF8', reported: true, check: encoding },
  { name: 'application_name', initial: '', reported: true, check: (value) => value.replace(/[^\x20-\x7e]/g, '?').slice(0, 63) },
  { name: 'is_superuser', initial: 'off', reported: true, fixed: true },
  { name: 'session_authorization', initial: '', reported: true, fixed: true },
  { name: 'DateStyle', initial: 'ISO, MDY', reported: true, check: dateStyle },
  {
    name: 'IntervalStyle',
    initial: 'postgres',
    reported: true,
    check: oneOf('postgres', 'postgres_verbose', 'sql_standard', 'iso_8601'),
  },
  { name: 'TimeZone', initial: 'UTC', reported: true },
  { name: 'integer_datetimes', initial: 'on', reported: true, fixed: true },
  {
    name: 'standard_conforming_strings',
    initial: 'on',
    reported: true,
    check: (value) => only('on', "Write E'…' for strings with escapes.")(boolean(value)),
  },
  { name: 'in_hot_standby', initial: 'off', reported: true, fixed: true },
  { name: 'default_transaction_read_only', initial: 'off', reported: true, check: boolean },
  { name: 'search_path', initial: '"$user", public' },
  { name: 'statement_timeout', initial: '0', check: duration },
  { name: 'lock_timeout', initial: '0', check: duration },
  { name: 'idle_in_transaction_session_timeout', initial: '0', check: duration },
  { name: 'idle_session_timeout', initial: '0', check: duration },
  { name: 'transaction_timeout', initial: '0', check: duration },
  { name: 'tcp_user_timeout', initial: '0', check: duration },
  { name: 'extra_float_digits', initial: '1', check: integer(-15, 3) },
  { name: 'transaction_isolation', initial: 'repeatable read', check: isolation },
  { name: 'default_transaction_isolation', initial: 'repeatable read', check: isolation },
  { name: 'transaction_read_only', initial: 'off', check: boolean },
  { name: 'transaction_deferrable', initial: 'off', check: boolean },
  { name: 'default_transaction_deferrable', initial: 'off', check: boolean },
  { name: 'bytea_output', initial: 'hex', check: only('hex', 'bytea is written in hex.') },
  {
    name: 'client_min_messages',
    initial: 'notice',
    check: oneOf('debug5', 'debug4', 'debug3', 'debug2', 'debug1', 'log', 'notice', 'warning', 'error'),
  },
  { name: 'log_min_messages', initial: 'warning' },
  { name: 'log_statement', initial: 'none' },
  { name: 'escape_string_warning', initial: 'on', check: boolean },
  // psql's \password asks for it before it sends what is then refused with what works instead.
  { name: 'password_encryption', initial: 'scram-sha-256', fixed: true },
  { name: 'row_security', initial: 'on', check: boolean },
  { name: 'synchronous_commit', initial: 'on', check: oneOf('on', 'off', 'local', 'remote_write', 'remote_apply') },
  { name: 'check_function_bodies', initial: 'on', check: boolean },
  { name: 'xmloption', initial: 'content', check: oneOf('content', 'document') },
  { name: 'xmlbinary', initial: 'base64', check: oneOf('base64', 'hex') },
  { name: 'default_tablespace', initial: '' },
  { name: 'default_table_access_method', initial: 'heap' },
  { name: 'default_text_search_config', initial: 'pg_catalog.simple' },
  { name: 'max_identifier_length', initial: '63', fixed: true },
  { name: 'max_index_keys', initial: '32', fixed: true },
  { name: 'max_connections', initial: '100', fixed: true },
  { name: 'max_prepared_transactions', initial: '0', fixed: true },
  { name: 'superuser_reserved_connections', initial: '3', fixed: true },
  { name: 'block_size', initial: '8192', fixed: true },
  { name: 'lc_collate', initial: 'C', fixed: true },
  { name: 'lc_ctype', initial: 'C', fixed: true },
  { name: 'lc_messages', initial: 'C' },
  { name: 'lc_monetary', initial: 'C' },
  { name: 'lc_numeric', initial: 'C' },
  { name: 'lc_time', initial: 'C' },
  { name: 'jit', initial: 'off', check: boolean },
  { name: 'work_mem', initial: '4MB' },
  { name: 'maintenance_work_mem', initial: '64MB' },
  { name: 'geqo', initial: 'on', check: boolean },
  { name: 'enable_seqscan', initial: 'on', check: boolean },
  { name: 'enable_indexscan', initial: 'on', check: boolean },
  { name: 'enable_bitmapscan', initial: 'on', check: boolean },
  { name: 'enable_hashjoin', initial: 'on', check: boolean },
  { name: 'enable_mergejoin', initial: 'on', check: boolean },
  { name: 'enable_nestloop', initial: 'on', check: boolean },
  { name: 'enable_sort', initial: 'on', check: boolean },
  { name: 'random_page_cost', initial: '4' },
  { name: 'plan_cache_mode', initial: 'auto', check: oneOf('auto', 'force_generic_plan', 'force_custom_plan') },
  { name: 'cursor_tuple_fraction', initial: '0.1' },
  { name: 'max_parallel_workers_per_gather', initial: '2', check: integer(0, 1024) },
  { name: 'effective_cache_size', initial: '4GB' },
  { name: 'default_statistics_target', initial: '100', check: integer(1, 10_000) },
  { name: 'enable_material', initial: 'on', check: boolean },
  { name: 'enable_hashagg', initial: 'on', check: boolean },
  { name: 'enable_indexonlyscan', initial: 'on', check: boolean },
  { name: 'log_min_duration_statement', initial: '-1', fixed: true },
  { name: 'wal_level', initial: 'replica', fixed: true },
  { name: 'ssl', initial: 'on', fixed: true },
];
const byName: ReadonlyMap<string, Definition> = new Map(
  definitions.map((definition) => [definition.name.toLowerCase(), definition]),
);
const aliases: Readonly<Record<string, string>> = {
  timezone: 'timezone',
  'time zone': 'timezone',
  names: 'client_encoding',
  'transaction isolation level': 'transaction_isolation',
  'session authorization': 'session_authorization',
};

export interface Change {
  readonly name: string;
  readonly value: string;
  readonly reported: boolean;
}

/** Values of a session's settings at a savepoint. */
export interface VarsMark {
  readonly values: ReadonlyMap<string, string>;
  readonly committed: ReadonlyMap<string, string> | null;
}

const initialValues: ReadonlyMap<string, string> = new Map(definitions.map(({ name, initial }) => [name.toLowerCase(), initial]));

/** The values of one session, which keeps only what differs from the table. Changes inside a transaction block are undone when it rolls back, SET LOCAL when it ends. */
export class SessionVars {
  #values = new Map<string, string>();
  #resetValues = new Map<string, string>();
  #saved: Map<string, string> | null = null;
  #committed: Map<string, string> | null = null;

  /** `initial` replaces the table's initial values; RESET goes back to these. */
  constructor(initial: Readonly<Record<string, string>> = {}) {
    for (const [name, value] of Object.entries(initial)) this.#resetValues.set(name.toLowerCase(), value);
  }

  #initial(k: string): string | undefined {
    return this.#resetValues.get(k) ?? initialValues.get(k);
  }

  #value(k: string): string | undefined {
    return this.#values.get(k) ?? this.#initial(k);
  }

  /** Settings announced at start, in order. */
  reported(): Map<string, string> {
    return new Map(definitions.filter(({ reported }) => reported).map(({ name }) => [name, this.get(name)]));
  }

  /** All settings by their spelled names. */
  all(): ReadonlyMap<string, string> {
    const values = new Map([...initialValues, ...this.#resetValues, ...this.#values]);
    return new Map([...values].map(([key, value]) => [byName.get(key)?.name ?? key, value]));
  }

  /** Throws `undefined_parameter`. */
  get(name: string): string {
    const value = this.#value(key(name));
    if (value === undefined) throw unknown(name);
    return value;
  }

  /** The value, or undefined when it was never set. */
  peek(name: string): string | undefined {
    return this.#value(key(name));
  }

  /** The setting's own spelling. Throws `undefined_parameter`. */
  spelled(name: string): string {
    return byName.get(key(name))?.name ?? key(name);
  }

  /** Checks a value; returns it as it would be kept. Throws `undefined_parameter`, `invalid_argument`, `feature_not_supported`. */
  check(name: string, value: string): string {
    const definition = byName.get(key(name));
    if (definition === undefined) {
      if (/^[a-z_][\w$]*\.[\w$.]+$/i.test(name)) return value;
      throw unknown(name);
    }
    if (definition.fixed) throw new LakeError('permission_denied', `parameter "${definition.name}" cannot be changed`);
    try {
      return definition.check?.(value) ?? value;
    } catch (error) {
      if (error instanceof LakeError)
        throw new LakeError(error.code, `invalid value for parameter "${definition.name}": ${error.message}`, {
          ...(error.hint ? { hint: error.hint } : {}),
        });
      throw error;
    }
  }

  /** Keeps a checked value; `local` until the transaction ends. */
  set(name: string, value: string, local = false): Change {
    const k = key(name);
    if (this.#saved && !local) this.#committed?.set(k, value);
    this.#values.set(k, value);
    return { name: this.spelled(name), value, reported: byName.get(k)?.reported === true };
  }

  resetValue(name: string): string {
    const value = this.#initial(key(name));
    if (value === undefined) {
      if (key(name).includes('.')) return '';
      throw unknown(name);
    }
    return value;
  }

  /** Settings that differ from what RESET ALL gives, except fixed ones. */
  changed(): string[] {
    return [...this.#values]
      .filter(([k, value]) => this.#initial(k) !== value && !byName.get(k)?.fixed)
      .map(([k]) => this.spelled(k));
  }

  begin(): void {
    this.#saved = new Map(this.#values);
    this.#committed = new Map(this.#values);
  }

  /** The values as they are, for `restore`. */
  mark(): VarsMark {
    return { values: new Map(this.#values), committed: this.#committed && new Map(this.#committed) };
  }

  /** Back to a mark of the same transaction: what changed, as changes already made here. */
  restore(mark: VarsMark): Change[] {
    const changes: Change[] = [];
    for (const k of new Set([...this.#values.keys(), ...mark.values.keys()])) {
      const value = mark.values.get(k) ?? this.#initial(k) ?? '';
      if (value !== this.#value(k)) changes.push({ name: this.spelled(k), value, reported: byName.get(k)?.reported === true });
    }
    this.#values = new Map(mark.values);
    this.#committed = mark.committed && new Map(mark.committed);
    return changes;
  }

  /** The transaction is over: what must be changed back, as changes already made here. */
  end(committed: boolean): Change[] {
    const target = committed ? this.#committed : this.#saved;
    this.#saved = null;
    this.#committed = null;
    if (target === null) return [];
    const changes: Change[] = [];
    for (const [k, value] of this.#values) {
      const wanted = target.get(k) ?? this.#initial(k);
      if (wanted !== undefined && wanted !== value)
        changes.push({ name: this.spelled(k), value: wanted, reported: byName.get(k)?.reported === true });
    }
    this.#values = target;
    return changes;
  }

  /** Milliseconds of a time setting; 0 is none. */
  milliseconds(name: string): number {
    const value = this.get(name);
    if (value === '0') return 0;
    const match = /^(\d+)(ms|s|min|h|d)?$/.exec(value);
    return match ? Number(match[1]) * (units[match[2] ?? 'ms'] as number) : 0;
  }
}

function key(name: string): string {
  const lower = name.toLowerCase();
  return aliases[lower] ?? lower;
}

function unknown(name: string): LakeError {
  return new LakeError('undefined_parameter', `unrecognized configuration parameter "${name}"`, {
    hint: 'SHOW ALL lists the settings of the session.',
  });
}
