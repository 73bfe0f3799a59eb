/** Which server a command goes to: the named profile's, the current one's, or the pod of BOILSTREAM_DATA_DIR when there is no session. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { adminSocketPath } from '../base/local-socket.ts';
import { callServer, type Call, type Json, type Place } from './client.ts';
import { Profiles, type Session } from './profile.ts';
import { Refused, type Surroundings } from './surroundings.ts';

export interface GlobalOptions {
  readonly profile?: string | undefined;
  readonly insecure?: boolean | undefined;
}

export interface Chosen {
  readonly place: Place;
  /** CA file for strings that are handed out, absolute. */
  readonly caPath: string | null;
  readonly profile?: string;
  readonly session?: Session;
}

/** Throws Refused with the command that logs in. */
export function choosePlace(around: Surroundings, options: GlobalOptions): Chosen {
  const profiles = new Profiles(around.home);
  const named = options.profile === undefined ? undefined : Profiles.checkName(options.profile);
  const name = named ?? profiles.current();
  const session = name === undefined ? undefined : profiles.load(name);
  const isOver = session !== undefined && Date.parse(session.expires_at) <= Date.now();
  if (name !== undefined && session && !isOver) {
    const trust = trustOf(around, options, session);
    return {
      place: { t: 'server', url: session.server, token: session.token, ca: trust.ca, insecure: trust.insecure },
      caPath: trust.caPath,
      profile: name,
      session,
    };
  }
  const dataDir = around.environment['BOILSTREAM_DATA_DIR'];
  if (named === undefined && dataDir) {
    const absolute = resolve(around.cwd, dataDir);
    return { place: { t: 'local', socketPath: adminSocketPath(absolute), dataDir: absolute }, caPath: null };
  }
  if (session)
    throw new Refused(`the session of profile "${name}" is over`, {
      hint: `boilstream-admin auth login --server ${session.server}${name === 'default' ? '' : ` --as-profile ${name}`}`,
    });
  throw new Refused(named === undefined ? 'you are not logged in' : `there is no profile "${named}"`, {
    hint: 'boilstream-admin auth login --server https://HOST:8443, or set BOILSTREAM_DATA_DIR to the folder of a local pod',
  });
}

/** What the server's certificate is checked against: BOILSTREAM_CA_PATH, else what the login used, else the system's. */
export function trustOf(
  around: Surroundings,
  options: GlobalOptions,
  session?: Pick<Session, 'ca_path' | 'insecure'>,
): { readonly ca: Buffer | undefined; readonly caPath: string | null; readonly insecure: boolean } {
  const given = around.environment['BOILSTREAM_CA_PATH'];
  const caPath = given ? resolve(around.cwd, given) : (session?.ca_path ?? null);
  const insecure = options.insecure ?? (given ? false : (session?.insecure ?? false));
  if (caPath === null || insecure) return { ca: undefined, caPath, insecure };
  try {
    return { ca: readFileSync(caPath), caPath, insecure };
  } catch (error) {
    throw new Refused(`the CA file ${caPath} cannot be read (${(error as NodeJS.ErrnoException).code})`, {
      hint: 'BOILSTREAM_CA_PATH names it',
    });
  }
}

/** Calls the chosen server; a session that ended there is told as such. */
export async function callChosen(chosen: Chosen, call: Call): Promise<Json> {
  try {
    return await callServer(chosen.place, call);
  } catch (error) {
    if (error instanceof Refused && error.code === 'invalid_authorization' && chosen.session) {
      throw new Refused(`the session of profile "${chosen.profile}" is over`, {
        hint: `boilstream-admin auth login --server ${chosen.session.server}`,
        code: error.code,
      });
    }
    throw error;
  }
}
