/** JSON over HTTPS, or over the local pod's Unix socket. Redirects are not followed: a token goes where the person sent it. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Refused } from './surroundings.ts';

const answerBytesMax = 32 << 20;
const timeoutMs = 120_000;

export type Place =
  | {
      readonly t: 'server';
      readonly url: string;
      readonly ca: Buffer | undefined;
      readonly insecure: boolean;
      readonly token?: string | undefined;
    }
  | { readonly t: 'local'; readonly socketPath: string; readonly dataDir: string };

// biome-ignore lint/suspicious/noExplicitAny: the answers have as many shapes as there are commands
export type Json = any;

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer's JSON. Throws Refused with the server's own words, or with why it could not be reached. */
export async function callServer(place: Place, call: Call): Promise<Json> {
  const { status, text } = await exchange(place, call);
  let answer: Json;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Refused(`${nameOf(place)} gave an answer that is no JSON (status ${status})`, {
      hint: 'is this the address of the REST API (port 8443)?',
    });
  }
  if (status >= 400) {
    const error = answer?.error as { message?: unknown; hint?: string; code?: string } | undefined;
    if (typeof error?.message !== 'string') throw new Refused(`${nameOf(place)} refused with status ${status}`);
    throw new Refused(error.message, { hint: error.hint, code: error.code });
  }
  return answer;
}

function exchange(place: Place, { method, path, body, headers = {} }: Call): Promise<{ status: number; text: string }> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const options: RequestOptions = {
    method,
    path,
    timeout: timeoutMs,
    agent: false,
    headers: {
      accept: 'application/json',
      ...headers,
      ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      ...(place.t === 'server' && place.token !== undefined ? { authorization: `Bearer ${place.token}` } : {}),
    },
  };
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > answerBytesMax) sent.destroy(new Refused(`the answer of ${nameOf(place)} is too large`));
        else parts.push(part);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }));
      response.on('error', reject);
    };
    const sent =
      place.t === 'local'
        ? httpRequest({ ...options, socketPath: place.socketPath }, answered)
        : httpsRequest(
            new URL(path, place.url),
            { ...options, rejectUnauthorized: !place.insecure, ...(place.ca ? { ca: place.ca } : {}) },
            answered,
          );
    sent.on('timeout', () => sent.destroy(new Refused(`${nameOf(place)} has not answered for ${timeoutMs / 1000} s`)));
    sent.on('error', (error) => reject(error instanceof Refused ? error : unreachable(place, error)));
    sent.end(text);
  });
}

function nameOf(place: Place): string {
  return place.t === 'local' ? `the pod in ${place.dataDir}` : place.url;
}

function unreachable(place: Place, error: NodeJS.ErrnoException): Refused {
  if (place.t === 'local') {
    if (error.code === 'EACCES')
      return new Refused(`this user may not talk to ${nameOf(place)}`, {
        hint: 'use the account the pod runs as, or log in: boilstream-admin auth login --server URL',
      });
    return new Refused(`no pod answers in ${place.dataDir}`, {
      hint: 'start one there, or log in to another: boilstream-admin auth login --server URL',
    });
  }
  const code = error.code ?? '';
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME|VERIFY/.test(code)) {
    return new Refused(`the certificate of ${place.url} is not trusted (${code})`, {
      hint: "set BOILSTREAM_CA_PATH to the pod's ca.pem, or pass --insecure where nobody stands between",
    });
  }
  if (code === 'ECONNREFUSED')
    return new Refused(`nothing listens at ${place.url}`, { hint: 'is the pod running, and is this its REST port (8443)?' });
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new Refused(`the host of ${place.url} is not known (${code})`);
  return new Refused(`${place.url} cannot be reached: ${code || error.message}`);
}
