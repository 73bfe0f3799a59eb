/**
 * Relations of pg_catalog that a lake has nothing for: no indexes, triggers, rules, policies, publications, sequences or
 * operators of its own. Clients ask them all the same and must find every column. Columns are those of PostgreSQL 15;
 * a `!` says NOT NULL.
 */
import type { PgView } from '../view.ts';

const columns: readonly (readonly [name: string, oid: number, columns: string])[] = [
  [
    'pg_aggregate',
    2600,
    'aggfnoid regproc!, aggkind char!, aggnumdirectargs int2!, aggtransfn regproc!, aggfinalfn regproc!, aggcombinefn regproc!, aggserialfn regproc!, ' +
      'aggdeserialfn regproc!, aggmtransfn regproc!, aggminvtransfn regproc!, aggmfinalfn regproc!, aggfinalextra bool!, aggmfinalextra bool!, ' +
      'aggfinalmodify char!, aggmfinalmodify char!, aggsortop oid!, aggtranstype oid!, aggtransspace int4!, aggmtranstype oid!, aggmtransspace int4!, ' +
      'agginitval text, aggminitval text',
  ],
  [
    'pg_amop',
    2602,
    'oid oid!, amopfamily oid!, amoplefttype oid!, amoprighttype oid!, amopstrategy int2!, amoppurpose char!, amopopr oid!, amopmethod oid!, ' +
      'amopsortfamily oid!',
  ],
  ['pg_amproc', 2603, 'oid oid!, amprocfamily oid!, amproclefttype oid!, amprocrighttype oid!, amprocnum int2!, amproc regproc!'],
  ['pg_auth_members', 1261, 'roleid oid!, member oid!, grantor oid!, admin_option bool!'],
  [
    'pg_available_extension_versions',
    12085,
    'name name, version text, installed bool, superuser bool, trusted bool, relocatable bool, schema name, requires name[], comment text',
  ],
  ['pg_available_extensions', 12081, 'name name, default_version text, installed_version text, comment text'],
  ['pg_cast', 2605, 'oid oid!, castsource oid!, casttarget oid!, castfunc oid!, castcontext char!, castmethod char!'],
  [
    'pg_constraint',
    2606,
    'oid oid!, conname name!, connamespace oid!, contype char!, condeferrable bool!, condeferred bool!, convalidated bool!, conrelid oid!, contypid oid!, ' +
      'conindid oid!, conparentid oid!, confrelid oid!, confupdtype char!, confdeltype char!, confmatchtype char!, conislocal bool!, coninhcount int4!, ' +
      'connoinherit bool!, conkey int2[], confkey int2[], conpfeqop oid[], conppeqop oid[], conffeqop oid[], confdelsetcols int2[], conexclop oid[], ' +
      'conbin pg_node_tree',
  ],
  [
    'pg_conversion',
    2607,
    'oid oid!, conname name!, connamespace oid!, conowner oid!, conforencoding int4!, contoencoding int4!, conproc regproc!, condefault bool!',
  ],
  [
    'pg_cursors',
    12077,
    'name text, statement text, is_holdable bool, is_binary bool, is_scrollable bool, creation_time timestamptz',
  ],
  ['pg_db_role_setting', 2964, 'setdatabase oid!, setrole oid!, setconfig text[]'],
  ['pg_default_acl', 826, 'oid oid!, defaclrole oid!, defaclnamespace oid!, defaclobjtype char!, defaclacl aclitem[]!'],
  [
    'pg_depend',
    2608,
    'classid oid!, objid oid!, objsubid int4!, refclassid oid!, refobjid oid!, refobjsubid int4!, deptype char!',
  ],
  ['pg_enum', 3501, 'oid oid!, enumtypid oid!, enumsortorder float4!, enumlabel name!'],
  [
    'pg_event_trigger',
    3466,
    'oid oid!, evtname name!, evtevent name!, evtowner oid!, evtfoid oid!, evtenabled char!, evttags text[]',
  ],
  ['pg_file_settings', 12110, 'sourcefile text, sourceline int4, seqno int4, name text, setting text, applied bool, error text'],
  [
    'pg_foreign_data_wrapper',
    2328,
    'oid oid!, fdwname name!, fdwowner oid!, fdwhandler oid!, fdwvalidator oid!, fdwacl aclitem[], fdwoptions text[]',
  ],
  [
    'pg_foreign_server',
    1417,
    'oid oid!, srvname name!, srvowner oid!, srvfdw oid!, srvtype text, srvversion text, srvacl aclitem[], srvoptions text[]',
  ],
  ['pg_foreign_table', 3118, 'ftrelid oid!, ftserver oid!, ftoptions text[]'],
  ['pg_group', 12010, 'groname name, grosysid oid, grolist oid[]'],
  [
    'pg_index',
    2610,
    'indexrelid oid!, indrelid oid!, indnatts int2!, indnkeyatts int2!, indisunique bool!, indnullsnotdistinct bool!, indisprimary bool!, ' +
      'indisexclusion bool!, indimmediate bool!, indisclustered bool!, indisvalid bool!, indcheckxmin bool!, indisready bool!, indislive bool!, ' +
      'indisreplident bool!, indkey int2vector!, indcollation oidvector!, indclass oidvector!, indoption int2vector!, indexprs pg_node_tree, ' +
      'indpred pg_node_tree',
  ],
  ['pg_indexes', 12043, 'schemaname name, tablename name, indexname name, tablespace name, indexdef text'],
  ['pg_inherits', 2611, 'inhrelid oid!, inhparent oid!, inhseqno int4!, inhdetachpending bool!'],
  ['pg_init_privs', 3394, 'objoid oid!, classoid oid!, objsubid int4!, privtype char!, initprivs aclitem[]!'],
  ['pg_largeobject', 2613, 'loid oid!, pageno int4!, data bytea!'],
  ['pg_largeobject_metadata', 2995, 'oid oid!, lomowner oid!, lomacl aclitem[]'],
  [
    'pg_matviews',
    12038,
    'schemaname name, matviewname name, matviewowner name, tablespace name, hasindexes bool, ispopulated bool, definition text',
  ],
  [
    'pg_opclass',
    2616,
    'oid oid!, opcmethod oid!, opcname name!, opcnamespace oid!, opcowner oid!, opcfamily oid!, opcintype oid!, opcdefault bool!, opckeytype oid!',
  ],
  [
    'pg_operator',
    2617,
    'oid oid!, oprname name!, oprnamespace oid!, oprowner oid!, oprkind char!, oprcanmerge bool!, oprcanhash bool!, oprleft oid!, oprright oid!, ' +
      'oprresult oid!, oprcom oid!, oprnegate oid!, oprcode regproc!, oprrest regproc!, oprjoin regproc!',
  ],
  ['pg_opfamily', 2753, 'oid oid!, opfmethod oid!, opfname name!, opfnamespace oid!, opfowner oid!'],
  ['pg_parameter_acl', 6243, 'oid oid!, parname text!, paracl aclitem[]'],
  [
    'pg_partitioned_table',
    3350,
    'partrelid oid!, partstrat char!, partnatts int2!, partdefid oid!, partattrs int2vector!, partclass oidvector!, partcollation oidvector!, ' +
      'partexprs pg_node_tree',
  ],
  [
    'pg_policies',
    12018,
    'schemaname name, tablename name, policyname name, permissive text, roles name[], cmd text, qual text, with_check text',
  ],
  [
    'pg_policy',
    3256,
    'oid oid!, polname name!, polrelid oid!, polcmd char!, polpermissive bool!, polroles oid[]!, polqual pg_node_tree, polwithcheck pg_node_tree',
  ],
  ['pg_prepared_xacts', 12090, 'transaction xid, gid text, prepared timestamptz, owner name, database name'],
  [
    'pg_publication',
    6104,
    'oid oid!, pubname name!, pubowner oid!, puballtables bool!, pubinsert bool!, pubupdate bool!, pubdelete bool!, pubtruncate bool!, pubviaroot bool!',
  ],
  ['pg_publication_namespace', 6237, 'oid oid!, pnpubid oid!, pnnspid oid!'],
  ['pg_publication_rel', 6106, 'oid oid!, prpubid oid!, prrelid oid!, prqual pg_node_tree, prattrs int2vector'],
  ['pg_publication_tables', 12068, 'pubname name, schemaname name, tablename name, attnames name[], rowfilter text'],
  [
    'pg_range',
    3541,
    'rngtypid oid!, rngsubtype oid!, rngmultitypid oid!, rngcollation oid!, rngsubopc oid!, rngcanonical regproc!, rngsubdiff regproc!',
  ],
  ['pg_replication_origin', 6000, 'roident oid!, roname text!'],
  [
    'pg_replication_slots',
    12257,
    'slot_name name, plugin name, slot_type text, datoid oid, database name, temporary bool, active bool, active_pid int4, xmin xid, catalog_xmin xid, ' +
      'restart_lsn pg_lsn, confirmed_flush_lsn pg_lsn, wal_status text, safe_wal_size int8, two_phase bool',
  ],
  [
    'pg_rewrite',
    2618,
    'oid oid!, rulename name!, ev_class oid!, ev_type char!, ev_enabled char!, is_instead bool!, ev_qual pg_node_tree!, ev_action pg_node_tree!',
  ],
  ['pg_rules', 12023, 'schemaname name, tablename name, rulename name, definition text'],
  ['pg_seclabel', 3596, 'objoid oid!, classoid oid!, objsubid int4!, provider text!, label text!'],
  [
    'pg_seclabels',
    12099,
    'objoid oid, classoid oid, objsubid int4, objtype text, objnamespace oid, objname text, provider text, label text',
  ],
  [
    'pg_sequence',
    2224,
    'seqrelid oid!, seqtypid oid!, seqstart int8!, seqincrement int8!, seqmax int8!, seqmin int8!, seqcache int8!, seqcycle bool!',
  ],
  [
    'pg_sequences',
    12048,
    'schemaname name, sequencename name, sequenceowner name, data_type regtype, start_value int8, min_value int8, max_value int8, increment_by int8, ' +
      'cycle bool, cache_size int8, last_value int8',
  ],
  ['pg_shdepend', 1214, 'dbid oid!, classid oid!, objid oid!, objsubid int4!, refclassid oid!, refobjid oid!, deptype char!'],
  ['pg_shseclabel', 3592, 'objoid oid!, classoid oid!, provider text!, label text!'],
  [
    'pg_stat_all_indexes',
    12183,
    'relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_scan int8, idx_tup_read int8, idx_tup_fetch int8',
  ],
  [
    'pg_stat_progress_copy',
    12322,
    'pid int4, datid oid, datname name, relid oid, command text, type text, bytes_processed int8, bytes_total int8, tuples_processed int8, ' +
      'tuples_excluded int8',
  ],
  [
    'pg_stat_progress_vacuum',
    12302,
    'pid int4, datid oid, datname name, relid oid, phase text, heap_blks_total int8, heap_blks_scanned int8, heap_blks_vacuumed int8, ' +
      'index_vacuum_count int8, max_dead_tuples int8, num_dead_tuples int8',
  ],
  [
    'pg_stat_replication',
    12227,
    'pid int4, usesysid oid, usename name, application_name text, client_addr inet, client_hostname text, client_port int4, backend_start timestamptz, ' +
      'backend_xmin xid, state text, sent_lsn pg_lsn, write_lsn pg_lsn, flush_lsn pg_lsn, replay_lsn pg_lsn, write_lag interval, flush_lag interval, ' +
      'replay_lag interval, sync_priority int4, sync_state text, reply_time timestamptz',
  ],
  [
    'pg_stat_ssl',
    12249,
    'pid int4, ssl bool, version text, cipher text, bits int4, client_dn text, client_serial numeric, issuer_dn text',
  ],
  [
    'pg_stat_subscription',
    12244,
    'subid oid, subname name, pid int4, relid oid, received_lsn pg_lsn, last_msg_send_time timestamptz, last_msg_receipt_time timestamptz, ' +
      'latest_end_lsn pg_lsn, latest_end_time timestamptz',
  ],
  [
    'pg_stat_user_indexes',
    12192,
    'relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_scan int8, idx_tup_read int8, idx_tup_fetch int8',
  ],
  [
    'pg_stat_wal_receiver',
    12236,
    'pid int4, status text, receive_start_lsn pg_lsn, receive_start_tli int4, written_lsn pg_lsn, flushed_lsn pg_lsn, received_tli int4, ' +
      'last_msg_send_time timestamptz, last_msg_receipt_time timestamptz, latest_end_lsn pg_lsn, latest_end_time timestamptz, slot_name text, ' +
      'sender_host text, sender_port int4, conninfo text',
  ],
  [
    'pg_statio_all_indexes',
    12196,
    'relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_blks_read int8, idx_blks_hit int8',
  ],
  [
    'pg_statio_user_indexes',
    12205,
    'relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_blks_read int8, idx_blks_hit int8',
  ],
  [
    'pg_statistic',
    2619,
    'starelid oid!, staattnum int2!, stainherit bool!, stanullfrac float4!, stawidth int4!, stadistinct float4!, stakind1 int2!, stakind2 int2!, ' +
      'stakind3 int2!, stakind4 int2!, stakind5 int2!, staop1 oid!, staop2 oid!, staop3 oid!, staop4 oid!, staop5 oid!, stacoll1 oid!, stacoll2 oid!, ' +
      'stacoll3 oid!, stacoll4 oid!, stacoll5 oid!, stanumbers1 float4[], stanumbers2 float4[], stanumbers3 float4[], stanumbers4 float4[], ' +
      'stanumbers5 float4[], stavalues1 anyarray, stavalues2 anyarray, stavalues3 anyarray, stavalues4 anyarray, stavalues5 anyarray',
  ],
  [
    'pg_statistic_ext',
    3381,
    'oid oid!, stxrelid oid!, stxname name!, stxnamespace oid!, stxowner oid!, stxstattarget int4!, stxkeys int2vector!, stxkind char[]!, ' +
      'stxexprs pg_node_tree',
  ],
  [
    'pg_statistic_ext_data',
    3429,
    'stxoid oid!, stxdinherit bool!, stxdndistinct pg_ndistinct, stxddependencies pg_dependencies, stxdmcv pg_mcv_list, stxdexpr pg_statistic[]',
  ],
  [
    'pg_stats',
    12053,
    'schemaname name, tablename name, attname name, inherited bool, null_frac float4, avg_width int4, n_distinct float4, most_common_vals anyarray, ' +
      'most_common_freqs float4[], histogram_bounds anyarray, correlation float4, most_common_elems anyarray, most_common_elem_freqs float4[], ' +
      'elem_count_histogram float4[]',
  ],
  [
    'pg_stats_ext',
    12058,
    'schemaname name, tablename name, statistics_schemaname name, statistics_name name, statistics_owner name, attnames name[], exprs text[], ' +
      'kinds char[], inherited bool, n_distinct pg_ndistinct, dependencies pg_dependencies, most_common_vals text[], most_common_val_nulls bool[], ' +
      'most_common_freqs float8[], most_common_base_freqs float8[]',
  ],
  [
    'pg_subscription',
    6100,
    'oid oid!, subdbid oid!, subskiplsn pg_lsn!, subname name!, subowner oid!, subenabled bool!, subbinary bool!, substream bool!, subtwophasestate char!, ' +
      'subdisableonerr bool!, subconninfo text!, subslotname name, subsynccommit text!, subpublications text[]!',
  ],
  ['pg_subscription_rel', 6102, 'srsubid oid!, srrelid oid!, srsubstate char!, srsublsn pg_lsn'],
  ['pg_timezone_abbrevs', 12122, 'abbrev text, utc_offset interval, is_dst bool'],
  ['pg_transform', 3576, 'oid oid!, trftype oid!, trflang oid!, trffromsql regproc!, trftosql regproc!'],
  [
    'pg_trigger',
    2620,
    'oid oid!, tgrelid oid!, tgparentid oid!, tgname name!, tgfoid oid!, tgtype int2!, tgenabled char!, tgisinternal bool!, tgconstrrelid oid!, ' +
      'tgconstrindid oid!, tgconstraint oid!, tgdeferrable bool!, tginitdeferred bool!, tgnargs int2!, tgattr int2vector!, tgargs bytea!, ' +
      'tgqual pg_node_tree, tgoldtable name, tgnewtable name',
  ],
  ['pg_ts_config', 3602, 'oid oid!, cfgname name!, cfgnamespace oid!, cfgowner oid!, cfgparser oid!'],
  ['pg_ts_config_map', 3603, 'mapcfg oid!, maptokentype int4!, mapseqno int4!, mapdict oid!'],
  ['pg_ts_dict', 3600, 'oid oid!, dictname name!, dictnamespace oid!, dictowner oid!, dicttemplate oid!, dictinitoption text'],
  [
    'pg_ts_parser',
    3601,
    'oid oid!, prsname name!, prsnamespace oid!, prsstart regproc!, prstoken regproc!, prsend regproc!, prsheadline regproc!, prslextype regproc!',
  ],
  ['pg_ts_template', 3764, 'oid oid!, tmplname name!, tmplnamespace oid!, tmplinit regproc!, tmpllexize regproc!'],
  ['pg_user_mapping', 1418, 'oid oid!, umuser oid!, umserver oid!, umoptions text[]'],
  ['pg_user_mappings', 12327, 'umid oid, srvid oid, srvname name, umuser oid, usename name, umoptions text[]'],
];

export const emptyViews: readonly PgView[] = columns.map(([name, oid, text]) => ({ name, oid, columns: text }));
