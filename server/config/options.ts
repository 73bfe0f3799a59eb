/**
 * Every setting of the pod in ONE table: name, type, default, range, help. The environment variable is the key in upper
 * case with the prefix `BOILSTREAM_`; the YAML key is the name itself; a flag exists where `flag` says so. Documentation
 * is generated from here. Names are fixed by the product's interface: changing one is a breaking change.
 */

export type OptionType = 'string' | 'path' | 'port' | 'integer' | 'boolean' | 'bytes' | 'duration' | 'cidrs' | 'enum';

export interface Option {
  readonly name: string;
  readonly type: OptionType;
  /** Shown in docs; a missing default means "not set". */
  readonly default?: string;
  readonly values?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** The command-line flag that sets it too. */
  readonly flag?: string;
  readonly help: string;
}

export const options = [
  {
    name: 'data_dir',
    type: 'path',
    default: './boilstream-data',
    flag: '--data-dir',
    help: 'local state: cache, spill, certificates, node id',
  },
  {
    name: 'log_level',
    type: 'enum',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
    default: 'info',
    flag: '--log-level',
    help: 'how much is logged',
  },
  {
    name: 'log_min_duration',
    type: 'duration',
    help: 'statements that take as long or longer are logged, without their literals; `0ms` logs all. Default: none',
  },
  {
    name: 'storage_url',
    type: 'string',
    help: '`s3://bucket/prefix` or `file:///path`: catalog log, table data, cluster state. Default: under the data dir',
  },
  { name: 's3_endpoint', type: 'string', help: 'address of an S3-compatible store; AWS when not set' },
  { name: 's3_region', type: 'string', help: 'region of the bucket' },
  {
    name: 's3_path_style',
    type: 'boolean',
    help: 'bucket name in the path instead of the host name. Default: true with an `s3_endpoint`, false on AWS',
  },
  { name: 's3_access_key_path', type: 'path', help: "file with the access key; without it the SDK's default chain" },
  { name: 's3_secret_key_path', type: 'path', help: 'file with the secret key' },
  {
    name: 's3_ca_path',
    type: 'path',
    help: "PEM file with the authority of the endpoint's certificate. Default: those the system trusts",
  },
  {
    name: 's3_vend',
    type: 'enum',
    values: ['auto', 'sts', 'keys', 'off'],
    default: 'auto',
    help: 'S3 keys for DuckDB clients: `sts` temporary ones narrowed to lake and grant, `keys` configured ones, `off` none; `auto`: see docs/s3.md',
  },
  { name: 's3_vend_ttl', type: 'duration', default: '1h', help: 'how long vended temporary keys live, 15m to 12h' },
  { name: 's3_sts_endpoint', type: 'string', help: "address of the token service. Default: `s3_endpoint`, else AWS's" },
  { name: 's3_sts_role_arn', type: 'string', help: 'role that vended keys are made of; AWS needs one' },
  { name: 's3_public_endpoint', type: 'string', help: 'address of the store as clients reach it. Default: `s3_endpoint`' },
  {
    name: 's3_client_access_key_path',
    type: 'path',
    help: 'file with the access key that clients get where there is no token service. Default: the key of the pod',
  },
  { name: 's3_client_secret_key_path', type: 'path', help: 'file with its secret key' },
  {
    name: 's3_client_read_access_key_path',
    type: 'path',
    help: 'the same for grants that only read. Default: as for those that write',
  },
  { name: 's3_client_read_secret_key_path', type: 'path', help: 'file with its secret key' },
  {
    name: 'metadata_url',
    type: 'string',
    help: '`postgres://user:password@host/db?sslmode=…`: metadata of the lakes in an external PostgreSQL, see docs/external-metadata.md',
  },
  {
    name: 'encryption_key_path',
    type: 'path',
    help: 'file with 32 bytes as 64 hex digits; seals secrets at rest. Generated in the data dir when embedded',
  },
  { name: 'cluster_mode', type: 'boolean', default: 'false', help: 'several pods on one storage URL (not in this release)' },
  { name: 'node_name', type: 'string', help: 'who this pod is, e.g. boilstream-0. Default: host name' },
  { name: 'public_domain', type: 'string', help: 'bare domain of the cluster; pods are `<node>.<domain>`' },
  { name: 'public_host', type: 'string', help: 'this pod in vended strings' },
  { name: 'public_pgwire_port_base', type: 'port', help: 'PGWire port in vended strings = this + the ordinal of the pod' },
  { name: 'public_auth_port', type: 'port', help: 'auth port in vended strings' },
  { name: 'pgwire_port', type: 'port', default: '5432', help: 'PostgreSQL wire; 0 = any free port' },
  { name: 'auth_port', type: 'port', default: '8443', help: 'REST API and web GUI over HTTPS; 0 = any free port' },
  { name: 'metrics_port', type: 'port', default: '8081', help: '/metrics /healthz /readyz over plain HTTP; 0 = any free port' },
  { name: 'bind_host', type: 'string', default: '127.0.0.1', help: 'address to listen on' },
  {
    name: 'proxy_protocol_from',
    type: 'cidrs',
    help: 'gateways, as addresses and networks separated by commas, whose connections to public ports carry a PROXY header (v1 or v2); from others none is taken. Default: none',
  },
  {
    name: 'tls_cert_path',
    type: 'path',
    help: 'public certificate chain (PEM), reloaded when it changes. Generated when not set',
  },
  { name: 'tls_key_path', type: 'path', help: 'its private key (PEM)' },
  { name: 'superadmin_email', type: 'string', default: 'admin@localhost', help: 'login name of the superadmin' },
  {
    name: 'superadmin_password_path',
    type: 'path',
    help: 'file with its password; a changed file rotates. Generated when not set',
  },
  { name: 'superadmin_mfa_secret_path', type: 'path', help: 'file with its TOTP secret' },
  { name: 'log_retention', type: 'duration', default: '7d', help: 'how far back a catalog can be restored' },
  {
    name: 'maintenance',
    type: 'boolean',
    default: 'true',
    help: 'background maintenance of the ducklakes (docs/maintenance.md); an owner may say otherwise for one of them',
  },
  { name: 'maintenance_interval', type: 'duration', default: '5m', help: 'least time between two passes on one ducklake' },
  {
    name: 'flush_after',
    type: 'duration',
    default: '1h',
    help: 'rows stay in the catalog at most this long, however few they are',
  },
  {
    name: 'snapshot_retention',
    type: 'duration',
    default: '7d',
    help: 'snapshots older than this expire: how far back `AT (TIMESTAMP => …)` reads',
  },
  {
    name: 'write_transaction_max',
    type: 'duration',
    default: '6h',
    help: 'a transaction on a ducklake that is older may not commit what it wrote: its files may be taken for nobody’s',
  },
  {
    name: 'reader_age_max',
    type: 'duration',
    default: '6h',
    help: 'the longest that a query reads files without this pod knowing of it: after a start nothing is deleted for so long',
  },
  {
    name: 'deletion_margin',
    type: 'duration',
    default: '1h',
    help: 'added to every age after which a file is deleted; more than the clocks of pods and store differ',
  },
  { name: 'memory_limit', type: 'bytes', help: 'memory for queries, e.g. 4GB. Default: from the cgroup or the machine' },
  { name: 'threads', type: 'integer', min: 1, max: 1024, help: 'threads for queries. Default: from the cgroup or the machine' },
  {
    name: 'query_concurrency',
    type: 'integer',
    min: 1,
    max: 32,
    default: '24',
    help: 'statements that run at once; others wait in line',
  },
  {
    name: 'spill_limit',
    type: 'bytes',
    default: '32GB',
    help: 'disk that queries may use to spill and COPY to spool, under the data dir',
  },
  {
    name: 'pgwire_max_connections',
    type: 'integer',
    min: 1,
    max: 100000,
    default: '10000',
    help: 'sessions on the PostgreSQL port; an idle one over TLS takes about 100 KB (10,000 of them 1 GB)',
  },
  {
    name: 'pgwire_max_connections_per_user',
    type: 'integer',
    min: 1,
    max: 100000,
    help: 'sessions of one user on it, with all of its credentials; superadmins are not counted. Default: as many as there are',
  },
  {
    name: 'pgwire_reserved_connections',
    type: 'integer',
    min: 0,
    max: 100,
    default: '3',
    help: 'of `pgwire_max_connections`, kept for superadmins',
  },
  {
    name: 'statement_timeout',
    type: 'duration',
    help: 'a statement that runs longer is cancelled (57014). This and the next three: sessions may SET others. Default: never',
  },
  {
    name: 'transaction_timeout',
    type: 'duration',
    help: 'a session whose transaction lasts longer is ended (25P04). Default: never',
  },
  {
    name: 'idle_in_transaction_session_timeout',
    type: 'duration',
    help: 'a session that says nothing for so long inside a transaction is ended (25P03). Default: never',
  },
  {
    name: 'idle_session_timeout',
    type: 'duration',
    help: 'a session that says nothing for so long outside a transaction is ended (57P05). Default: never',
  },
  {
    name: 'drain_timeout',
    type: 'duration',
    default: '30s',
    help: 'how long running statements and open transactions may go on at SIGTERM',
  },
  { name: 'ready_file', type: 'path', help: 'JSON file written when ready: the listeners with host and port' },
  { name: 'extension_dir', type: 'path', help: 'folder with the DuckDB extensions ducklake, postgres_scanner and httpfs' },
] as const satisfies readonly Option[];

export type OptionName = (typeof options)[number]['name'];
