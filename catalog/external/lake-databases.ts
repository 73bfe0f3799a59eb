/**
 * Each lake is a database of its own on the external server, with two roles that reach nothing else: `…_rw` makes and
 * changes DuckLake's tables, `…_ro` reads them. Clients' sessions log in as one of the two, so what the grant says is
 * kept by PostgreSQL, and no statement leads to another lake or back to the account that makes databases.
 */
import { createHmac } from 'node:crypto';
import { LakeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { quoteName, quoteString } from '../../base/sql-lexer.ts';
import { connect, type Connected, type ConnectOptions } from './connect.ts';
import { scramVerifier } from './scram.ts';
import { type Session, withSession } from './statement.ts';
import type { Login } from './url.ts';

export type LakeRole = 'rw' | 'ro';
const roles: readonly LakeRole[] = ['rw', 'ro'];

/** Before the name of a lake's database (`lake_<id>`, base/domain.ts) on the server. */
const prefix = 'boilstream_';

export interface LakeDatabasesOptions extends ConnectOptions {
  /** 32 bytes that are this installation's own; the roles' passwords are made of it and stored nowhere. */
  readonly key: Buffer;
  readonly logger: Logger;
}

export class LakeDatabases {
  readonly #options: LakeDatabasesOptions;
  /** Stands in the databases' comments: several installations may share a server. */
  readonly #mark: string;

  constructor(options: LakeDatabasesOptions) {
    this.#options = options;
    this.#mark = `BoilStream lake of installation ${createHmac('sha256', options.key).update('installation').digest('hex').slice(0, 16)}`;
  }

  /** Tells whether the server can be reached and the account may do what it has to. Throws what is wrong. */
  async check(): Promise<void> {
    const [row] = await this.#asAdmin((session) =>
      session.run(
        "SELECT current_setting('server_version_num')::int >= 150000, rolsuper, rolcreatedb AND rolcreaterole FROM pg_roles WHERE rolname = current_user",
      ),
    );
    if (row?.[1] === 't') return;
    if (row?.[2] !== 't' || row[0] !== 't')
      throw new LakeError('config_invalid', 'the account in BOILSTREAM_METADATA_URL may not make databases and roles', {
        hint: 'ALTER ROLE … CREATEDB CREATEROLE; on a server before PostgreSQL 15 it has to be a superuser.',
      });
  }

  /** Names (`lake_<id>`) of the databases that this installation has on the server. */
  async names(): Promise<string[]> {
    const rows = await this.#asAdmin((session) =>
      session.run(
        `SELECT datname FROM pg_database WHERE datname LIKE '${prefix.replace('_', '\\_')}lake\\_%' AND shobj_description(oid, 'pg_database') = ${quoteString(this.#mark)}`,
      ),
    );
    return rows.map(([name]) => (name as string).slice(prefix.length));
  }

  /** Makes the database and its roles, or finishes what was begun: safe to repeat. */
  async create(name: string): Promise<void> {
    const database = prefix + name;
    const [rw, ro] = [roleName(database, 'rw'), roleName(database, 'ro')].map(quoteName) as [string, string];
    const quoted = quoteName(database);
    await this.#asAdmin(async (session) => {
      for (const role of roles) await this.#createRole(session, roleName(database, role));
      await session.run(`ALTER ROLE ${ro} SET default_transaction_read_only = on`);
      // To end their sessions at a drop.
      await session.run(`GRANT ${rw}, ${ro} TO CURRENT_USER`);
      // DuckDB compares text by its bytes, and DuckLake leaves comparing column statistics to this server.
      await unlessThere(session.run(`CREATE DATABASE ${quoted} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`));
      await session.run(`COMMENT ON DATABASE ${quoted} IS ${quoteString(this.#mark)}`);
      await session.run(`REVOKE ALL ON DATABASE ${quoted} FROM PUBLIC`);
      await session.run(`GRANT CONNECT, TEMPORARY ON DATABASE ${quoted} TO ${rw}`);
      await session.run(`GRANT CONNECT ON DATABASE ${quoted} TO ${ro}`);
    });
    await this.#asAdmin(async (session) => {
      await session.run('REVOKE ALL ON SCHEMA public FROM PUBLIC');
      await session.run(`GRANT USAGE, CREATE ON SCHEMA public TO ${rw}`);
      await session.run(`GRANT USAGE ON SCHEMA public TO ${ro}`);
    }, database);
    const login = this.#login(roleName(database, 'rw'));
    await withSession(this.#options, { login, database }, (session) =>
      session.run(`ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${ro}`),
    );
    this.#options.logger.info({ database }, 'a database for a ducklake is on the metadata server');
  }

  /** Removes database and roles; it is no error when they are gone. Its sessions are ended. */
  async drop(name: string): Promise<void> {
    const database = prefix + name;
    await this.#asAdmin(async (session) => {
      await session.run(`DROP DATABASE IF EXISTS ${quoteName(database)} WITH (FORCE)`);
      for (const role of roles) await session.run(`DROP ROLE IF EXISTS ${quoteName(roleName(database, role))}`);
    });
  }

  /**
   * A session on a lake's database. A role whose password is not ours any more (its holder changed it, or the encryption
   * key was rotated) gets it back.
   */
  async connect(name: string, role: LakeRole, parameters: Readonly<Record<string, string>>): Promise<Connected> {
    const database = prefix + name;
    const user = roleName(database, role);
    const startup = { login: this.#login(user), database, parameters };
    try {
      return await connect(this.#options, startup);
    } catch (error) {
      if (!(error instanceof LakeError)) throw error;
      if (error.code === 'undefined_database') throw missing(error);
      if (error.code !== 'invalid_password') throw error;
      this.#options.logger.warn({ role: user }, 'the password of a role on the metadata server is set anew');
      await this.#asAdmin((session) => session.run(this.#passwordSql('ALTER', user)));
      return connect(this.#options, startup);
    }
  }

  async #createRole(session: Session, role: string): Promise<void> {
    const made = await unlessThere(session.run(this.#passwordSql('CREATE', role)));
    if (!made) await session.run(this.#passwordSql('ALTER', role));
  }

  #passwordSql(verb: 'CREATE' | 'ALTER', role: string): string {
    const verifier = scramVerifier(this.#login(role).password, this.#options.random);
    return `${verb} ROLE ${quoteName(role)} LOGIN NOCREATEDB NOCREATEROLE PASSWORD ${quoteString(verifier)}`;
  }

  #login(user: string): Login {
    return { user, password: createHmac('sha256', this.#options.key).update(`role ${user}`).digest('base64url') };
  }

  #asAdmin<T>(work: (session: Session) => Promise<T>, database?: string): Promise<T> {
    const { server } = this.#options;
    return withSession(this.#options, { login: server.admin, database: database ?? server.adminDatabase }, work).catch(
      (error: unknown) => {
        // To a tenant it must not look as if its own password were wrong.
        if (error instanceof LakeError && (error.code === 'invalid_password' || error.code === 'invalid_authorization'))
          throw new LakeError('store_unavailable', 'the metadata server refuses the account in BOILSTREAM_METADATA_URL', {
            cause: error,
          });
        throw error;
      },
    );
  }
}

const roleName = (database: string, role: LakeRole): string => `${database}_${role}`;

/** False when the thing is there already. */
function unlessThere(made: Promise<unknown>): Promise<boolean> {
  return made.then(
    () => true,
    (error: unknown) => {
      if (error instanceof LakeError && (error.code === 'duplicate_object' || error.code === 'duplicate_database')) return false;
      throw error;
    },
  );
}

function missing(cause: LakeError): LakeError {
  return new LakeError('store_unavailable', 'the database of this ducklake is not on the metadata server', {
    hint: 'Restore it there from a backup of that server, or drop the ducklake.',
    cause,
  });
}
