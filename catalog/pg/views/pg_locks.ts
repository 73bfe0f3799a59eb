/** The advisory locks of the pod's sessions on lakes the asking one may see. Tables are not locked: transactions conflict when they commit. */
import { sessionRows } from '../session-functions.ts';
import { type PgView, pg } from '../view.ts';

export const pgLocks: PgView = {
  name: 'pg_locks',
  oid: 12073,
  columns:
    'locktype text, database oid, relation oid, page int4, tuple int2, virtualxid text, transactionid xid, classid oid, objid oid, objsubid int2, ' +
    'virtualtransaction text, pid int4, mode text, granted bool, fastpath bool, waitstart timestamptz',
  values: {
    locktype: "'advisory'",
    database: `${pg('_oid')}('database', '', datname)`,
    classid: 'classid',
    objid: 'objid',
    objsubid: 'objsubid',
    virtualtransaction: "pid || '/0'",
    pid: 'pid',
    mode: 'mode',
    granted: 'granted',
    fastpath: 'false',
  },
  from: sessionRows('locks', {
    datname: 'VARCHAR',
    classid: 'BIGINT',
    objid: 'BIGINT',
    objsubid: 'SMALLINT',
    pid: 'INTEGER',
    mode: 'VARCHAR',
    granted: 'BOOLEAN',
  }),
};
