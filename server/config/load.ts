/**
 * Settings from flags, environment and a YAML file (in this order of precedence) to one typed, checked object. Partial
 * in, complete out, once: nothing downstream checks again. Errors (`config_invalid`) name the variable and what fits.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, hostname, totalmem } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse as parseYaml } from 'yaml';
import { LakeError } from '../../base/errors.ts';
import type { LogLevel } from '../../base/log.ts';
import { type Option, type OptionName, options } from './options.ts';
import {
  readAddresses,
  readBoolean,
  readBytes,
  readDuration,
  readDurationWithin,
  readEndpoint,
  readInteger,
  readStorageUrl,
  readTimeout,
} from './values.ts';

export interface KeyFiles {
  readonly accessKeyPath: string;
  readonly secretKeyPath: string;
}

export interface Config {
  readonly dataDir: string;
  readonly logLevel: LogLevel;
  /** Statements that take as long are logged; undefined: none. */
  readonly logMinDurationMs?: number;
  readonly storageUrl: string;
  /** Holds a password: never to be shown. */
  readonly metadataUrl?: string;
  readonly s3: {
    readonly endpoint?: string;
    readonly region?: string;
    readonly pathStyle: boolean;
    readonly accessKeyPath?: string;
    readonly secretKeyPath?: string;
    /** PEM file with the authorities that may have signed the endpoint's certificate. */
    readonly caPath?: string;
    readonly vend: 'auto' | 'sts' | 'keys' | 'off';
    readonly vendTtlMs: number;
    readonly stsEndpoint?: string;
    readonly stsRoleArn?: string;
    readonly publicEndpoint?: string;
    readonly clientKeys?: KeyFiles;
    /** For grants that only read. */
    readonly clientReadKeys?: KeyFiles;
  };
  readonly encryptionKeyPath?: string;
  readonly nodeName: string;
  /** Host in vended strings; undefined = the listener's. */
  readonly publicHost?: string;
  readonly publicPgwirePort?: number;
  readonly publicAuthPort?: number;
  readonly pgwirePort: number;
  readonly authPort: number;
  readonly metricsPort: number;
  readonly bindHost: string;
  /** Peers whose connections to public ports begin with a PROXY header. */
  readonly proxyProtocolFrom: readonly string[];
  readonly tlsCertPath?: string;
  readonly tlsKeyPath?: string;
  readonly superadminEmail: string;
  readonly superadminPasswordPath?: string;
  readonly superadminMfaSecretPath?: string;
  readonly logRetentionMs: number;
  /** What must have passed before a file is deleted (catalog/maintenance). */
  readonly deletionWaits: {
    readonly writeTransactionMsMax: number;
    readonly readerAgeMsMax: number;
    readonly marginMs: number;
  };
  readonly maintenance: {
    readonly isOn: boolean;
    readonly intervalMs: number;
    readonly flushAfterMs: number;
    readonly snapshotRetentionMs: number;
  };
  /** Bytes all query engines together may take. */
  readonly memoryLimitBytes: number;
  readonly threads: number;
  readonly queryConcurrency: number;
  readonly spillLimitBytes: number;
  readonly pgwireMaxConnections: number;
  readonly pgwireMaxConnectionsPerUser?: number;
  readonly pgwireReservedConnections: number;
  /** Initial values of sessions' settings, milliseconds. */
  readonly timeoutsMs: {
    readonly statement_timeout?: number;
    readonly transaction_timeout?: number;
    readonly idle_in_transaction_session_timeout?: number;
    readonly idle_session_timeout?: number;
  };
  readonly drainTimeoutMs: number;
  readonly readyFile?: string;
  readonly extensionDir?: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Name of the environment variable of an option. */
export const variableOf = (name: string): string => `BOILSTREAM_${name.toUpperCase()}`;

/** Reads and checks all settings. `flags` are option name to text; `cwd` anchors relative paths. Throws config_invalid. */
export function loadConfig(input: {
  flags: Partial<Record<OptionName, string>>;
  configFile?: string;
  environment: Environment;
  cwd: string;
}): Config {
  const file = input.configFile ? readConfigFile(resolve(input.cwd, input.configFile)) : {};
  const known = new Set<string>(options.map((option) => option.name));
  for (const key of Object.keys(file)) {
    if (!known.has(key)) throw invalid(`the configuration file has an unknown key ${key}${suggestion(key, known)}`);
  }
  for (const variable of Object.keys(input.environment)) {
    const name = variable.startsWith('BOILSTREAM_') ? variable.slice(11).toLowerCase() : '';
    if (name && !known.has(name) && closest(name, known))
      throw invalid(`unknown variable ${variable}${suggestion(name, known, variableOf)}`);
  }
  const raw = (name: OptionName): string | undefined => {
    const option = options.find((entry) => entry.name === name) as Option;
    const value = input.flags[name] ?? input.environment[variableOf(name)] ?? file[name] ?? option.default;
    return value === '' ? undefined : value;
  };
  const value = <T>(name: OptionName, read: (text: string, option: Option) => T): T | undefined => {
    const text = raw(name);
    if (text === undefined) return undefined;
    try {
      return read(text, options.find((entry) => entry.name === name) as Option);
    } catch (error) {
      throw invalid(`${variableOf(name)} is ${JSON.stringify(text)}: ${(error as Error).message}`);
    }
  };
  const path = (name: OptionName): string | undefined =>
    value(name, (text) => (isAbsolute(text) ? text : resolve(input.cwd, text)));
  const port = (name: OptionName): number | undefined => value(name, (text) => readInteger(text, 0, 65535));
  const integer = (name: OptionName): number | undefined =>
    value(name, (text, option) => readInteger(text, option.min ?? 0, option.max ?? Number.MAX_SAFE_INTEGER));
  const flag = (name: OptionName): boolean => value(name, readBoolean) ?? false;

  const keyFiles = (access: OptionName, secret: OptionName): KeyFiles | undefined => {
    const [accessKeyPath, secretKeyPath] = [path(access), path(secret)];
    if (accessKeyPath !== undefined && secretKeyPath !== undefined) return { accessKeyPath, secretKeyPath };
    if (accessKeyPath === undefined && secretKeyPath === undefined) return undefined;
    throw invalid(`${variableOf(access)} and ${variableOf(secret)} go together: set both or neither`);
  };

  const dataDir = path('data_dir') as string;
  const nodeName = raw('node_name') ?? hostname();
  const domain = raw('public_domain');
  const publicHost = raw('public_host') ?? (domain ? `${nodeName}.${domain}` : undefined);
  const portBase = port('public_pgwire_port_base');
  const ordinal = Number(/-(\d+)$/.exec(nodeName)?.[1] ?? 0);
  if (flag('cluster_mode')) throw invalid('BOILSTREAM_CLUSTER_MODE is true, and this release runs single pods only: unset it');

  const config: Config = omitUndefined({
    dataDir,
    logLevel: value('log_level', readEnum) as LogLevel,
    logMinDurationMs: value('log_min_duration', readTimeout),
    storageUrl: value('storage_url', readStorageUrl) ?? `${pathToFileURL(resolve(dataDir, 'storage')).href}`,
    metadataUrl: raw('metadata_url'),
    s3: omitUndefined({
      endpoint: value('s3_endpoint', readEndpoint),
      region: raw('s3_region'),
      // What S3-compatible servers take; AWS itself wants the bucket in the host name.
      pathStyle: value('s3_path_style', readBoolean) ?? raw('s3_endpoint') !== undefined,
      ...keyFiles('s3_access_key_path', 's3_secret_key_path'),
      caPath: path('s3_ca_path'),
      vend: value('s3_vend', readEnum) as Config['s3']['vend'],
      vendTtlMs: value('s3_vend_ttl', (text) => readDurationWithin(text, 900_000, 43_200_000)) as number,
      stsEndpoint: value('s3_sts_endpoint', readEndpoint),
      stsRoleArn: raw('s3_sts_role_arn'),
      publicEndpoint: value('s3_public_endpoint', readEndpoint),
      clientKeys: keyFiles('s3_client_access_key_path', 's3_client_secret_key_path'),
      clientReadKeys: keyFiles('s3_client_read_access_key_path', 's3_client_read_secret_key_path'),
    }),
    encryptionKeyPath: path('encryption_key_path'),
    nodeName,
    publicHost,
    publicPgwirePort: portBase === undefined ? undefined : portBase + ordinal,
    publicAuthPort: port('public_auth_port'),
    pgwirePort: port('pgwire_port') as number,
    authPort: port('auth_port') as number,
    metricsPort: port('metrics_port') as number,
    bindHost: raw('bind_host') as string,
    proxyProtocolFrom: value('proxy_protocol_from', readAddresses) ?? [],
    tlsCertPath: path('tls_cert_path'),
    tlsKeyPath: path('tls_key_path'),
    superadminEmail: raw('superadmin_email') as string,
    superadminPasswordPath: path('superadmin_password_path'),
    superadminMfaSecretPath: path('superadmin_mfa_secret_path'),
    logRetentionMs: value('log_retention', readDuration) as number,
    deletionWaits: {
      writeTransactionMsMax: value('write_transaction_max', readDuration) as number,
      readerAgeMsMax: value('reader_age_max', readDuration) as number,
      marginMs: value('deletion_margin', readDuration) as number,
    },
    maintenance: {
      isOn: flag('maintenance'),
      intervalMs: value('maintenance_interval', readDuration) as number,
      flushAfterMs: value('flush_after', readDuration) as number,
      snapshotRetentionMs: value('snapshot_retention', readDuration) as number,
    },
    memoryLimitBytes: value('memory_limit', readBytes) ?? defaultMemoryBytes(),
    threads: integer('threads') ?? availableParallelism(),
    queryConcurrency: integer('query_concurrency') as number,
    spillLimitBytes: value('spill_limit', readBytes) as number,
    pgwireMaxConnections: integer('pgwire_max_connections') as number,
    pgwireMaxConnectionsPerUser: integer('pgwire_max_connections_per_user'),
    pgwireReservedConnections: integer('pgwire_reserved_connections') as number,
    timeoutsMs: omitUndefined({
      statement_timeout: value('statement_timeout', readTimeout),
      transaction_timeout: value('transaction_timeout', readTimeout),
      idle_in_transaction_session_timeout: value('idle_in_transaction_session_timeout', readTimeout),
      idle_session_timeout: value('idle_session_timeout', readTimeout),
    }),
    drainTimeoutMs: value('drain_timeout', readDuration) as number,
    readyFile: path('ready_file'),
    extensionDir: path('extension_dir'),
  });
  if ((config.tlsCertPath === undefined) !== (config.tlsKeyPath === undefined)) {
    throw invalid('BOILSTREAM_TLS_CERT_PATH and BOILSTREAM_TLS_KEY_PATH go together: set both or neither');
  }
  if (config.s3.vend === 'sts' && !(config.s3.endpoint ?? config.s3.stsEndpoint ?? config.s3.stsRoleArn))
    throw invalid('BOILSTREAM_S3_VEND is sts, and on AWS that needs BOILSTREAM_S3_STS_ROLE_ARN: the role that keys are made of');
  return config;
}

function readConfigFile(path: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(`the configuration file ${path} cannot be read: ${(error as Error).message}`);
  }
  let parsed: unknown;
  try {
    parsed = parseYaml(text);
  } catch (error) {
    throw invalid(`the configuration file ${path} is not YAML: ${(error as Error).message}`);
  }
  if (parsed === null) return {};
  if (typeof parsed !== 'object' || Array.isArray(parsed))
    throw invalid(`the configuration file ${path} must hold keys and values`);
  return Object.fromEntries(
    Object.entries(parsed).map(([key, value]) => {
      if (typeof value === 'object') throw invalid(`${key} in ${path} must be a plain value`);
      return [key, String(value)];
    }),
  );
}

function readEnum(text: string, option: Option): string {
  if (!option.values?.includes(text)) throw new Error(`one of ${option.values?.join(', ')} is needed`);
  return text;
}

function defaultMemoryBytes(): number {
  // DuckDB's own default leaves a fifth of the machine; the pod beside it needs room for results and the metadata worker.
  return Math.floor(Math.min(totalmem(), cgroupMemoryBytes()) * 0.6);
}

function cgroupMemoryBytes(): number {
  for (const path of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    try {
      const text = readFileSync(path, 'utf8').trim();
      if (/^\d+$/.test(text)) return Number(text);
    } catch {
      // Not this kind of cgroup: the next file, or none.
    }
  }
  return Number.POSITIVE_INFINITY;
}

function invalid(message: string): LakeError {
  return new LakeError('config_invalid', message);
}

function suggestion(name: string, known: Set<string>, show: (name: string) => string = (same) => same): string {
  const found = closest(name, known);
  return found ? `; did you mean ${show(found)}?` : '';
}

/** The known name within two edits, if there is one. */
function closest(name: string, known: Set<string>): string | undefined {
  return [...known].find(
    (candidate) => candidate !== name && Math.abs(candidate.length - name.length) <= 2 && distance(candidate, name) <= 2,
  );
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(
        (next[j - 1] as number) + 1,
        (row[j] as number) + 1,
        (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length] as number;
}

function omitUndefined<T extends object>(object: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
