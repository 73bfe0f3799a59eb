/** A PostgreSQL listener over plain DuckDB for tests of the wire alone: a self-signed certificate, SCRAM with one password, no catalog. */
import { execFileSync } from 'node:child_process';
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { DuckDBInstance } from '@duckdb/node-api';
import { systemClock } from '../../base/clock.ts';
import type { Principal } from '../../base/domain.ts';
import { LakeError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import type { SessionHooks, Startup, StatementSession } from '../../base/statement-session.ts';
import { Listener, type ListenerOptions } from '../../protocols/pgwire/listener.ts';
import type { Authentication, Authenticator, ScramExchange, Sessions } from '../../protocols/pgwire/ports.ts';
import { DuckdbSession } from './duckdb-session.ts';
import type { WireOptions } from './wire-client.ts';

export const testPassword = 'correct horse';

const principal: Principal = { id: '1', name: 'tester', kind: 'user', superuser: true, rights: new Map() };

/** RFC 5802, server side, for one password and any user. */
export const scramFake: Authenticator = {
  mechanisms: (tls) => (tls ? ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] : ['SCRAM-SHA-256']),
  begin(_user, _mechanism, { channelBinding }): ScramExchange {
    const h = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
    const refused = (): LakeError => new LakeError('invalid_password', 'password authentication failed');
    const salt = randomBytes(16);
    const salted = pbkdf2Sync(testPassword, salt, 4096, 32, 'sha256');
    let bare = '';
    let challenge = '';
    let header = '';
    return {
      first: async (data) => {
        const [, gs2, rest] = /^([^,]*,[^,]*,)(.*)$/.exec(data.toString()) ?? [];
        const nonce = /r=([^,]+)/.exec(rest ?? '')?.[1];
        if (!gs2 || !rest || !nonce) throw refused();
        header = gs2;
        bare = rest;
        challenge = `r=${nonce}${randomBytes(9).toString('base64')},s=${salt.toString('base64')},i=4096`;
        return Buffer.from(challenge);
      },
      final: async (data) => {
        const [, without, proof] = /^(.*),p=(.*)$/.exec(data.toString()) ?? [];
        const binding = Buffer.concat([Buffer.from(header), channelBinding ?? Buffer.alloc(0)]).toString('base64');
        if (!without || !proof || !without.startsWith(`c=${binding},`)) throw refused();
        const text = `${bare},${challenge},${without}`;
        const clientKey = h(salted, 'Client Key');
        const signature = h(createHash('sha256').update(clientKey).digest(), text);
        const expected = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] as number)));
        const given = Buffer.from(proof, 'base64');
        if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refused();
        return { reply: Buffer.from(`v=${h(h(salted, 'Server Key'), text).toString('base64')}`), principal };
      },
    };
  },
};

/** A self-signed certificate for localhost, made with openssl. */
export function selfSigned(): { readonly cert: string; readonly key: string; readonly context: SecureContext } {
  const directory = mkdtempSync(join(tmpdir(), 'wire-cert-'));
  try {
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
        '-keyout',
        join(directory, 'key.pem'),
        '-out',
        join(directory, 'cert.pem'),
      ],
      { stdio: 'ignore' },
    );
    const cert = readFileSync(join(directory, 'cert.pem'), 'utf8');
    const key = readFileSync(join(directory, 'key.pem'), 'utf8');
    return { cert, key, context: createSecureContext({ cert, key }) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface WireServer {
  readonly listener: Listener;
  readonly options: WireOptions;
  readonly cert: string;
  /** Sessions opened so far. */
  readonly sessions: StatementSession[];
  close(): Promise<void>;
}

export interface WireServerOptions extends Partial<Omit<ListenerOptions, 'sessions'>> {
  /** Instead of a DuckDB session. */
  open?(startup: Startup, hooks: SessionHooks): Promise<StatementSession>;
  readonly relay?: Sessions['open'];
  readonly authentication?: Authentication;
  cancelElsewhere?(processId: number, secretKey: Buffer): void;
}

export async function startWireServer(options: WireServerOptions = {}): Promise<WireServer> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const { cert, context } = selfSigned();
  const opened: StatementSession[] = [];
  const listener = new Listener({
    address: { host: '127.0.0.1', port: 0 },
    authentication: { t: 'scram', authenticator: scramFake },
    tls: { current: () => ({ context }) },
    plainAllowed: true,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    ...options,
    sessions: {
      open: async (startup, hooks) => {
        if (options.relay && startup.database === 'relayed') return options.relay(startup, hooks);
        if (startup.database === 'nowhere') throw new LakeError('undefined_database', 'database "nowhere" does not exist');
        const session = options.open ? await options.open(startup, hooks) : await DuckdbSession.open(instance, hooks);
        opened.push(session);
        return { t: 'session', session };
      },
      cancelElsewhere: (processId, secretKey) => options.cancelElsewhere?.(processId, secretKey),
    },
  });
  await listener.open();
  return {
    listener,
    cert,
    sessions: opened,
    options: {
      host: '127.0.0.1',
      port: listener.port,
      user: 'tester',
      password: testPassword,
      database: 'test',
      tls: 'off',
      deadlineMs: 10_000,
    },
    close: async () => {
      await listener.close(2000);
      instance.closeSync();
    },
  };
}
