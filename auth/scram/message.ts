/** The four SCRAM messages as text (RFC 5802, section 7 "Formal Syntax"). Lengths are bounded before anything is taken apart. */
import { LakeError } from '../../base/errors.ts';

/** No honest client message comes near this; names and nonces are short. */
const messageBytesMax = 4096;
const nonceLengthMax = 512;

export interface ClientFirst {
  /** `n` = no binding, `y` = client could but thinks the server cannot, `p` = binds with `bindingName`. */
  readonly flag: 'n' | 'y' | 'p';
  readonly bindingName: string;
  /** Everything before client-first-message-bare; the client repeats it base64-coded in `c=`. */
  readonly gs2Header: string;
  readonly bare: string;
  readonly user: string;
  readonly nonce: string;
}

export interface ClientFinal {
  /** Decoded `c=`: gs2 header followed by channel binding data. */
  readonly binding: Buffer;
  readonly nonce: string;
  readonly proof: Buffer;
  /** What the proof was computed over, besides the first messages. */
  readonly withoutProof: string;
}

/**
 * client-first-message = gs2-cbind-flag "," [authzid] "," [reserved-mext ","] "n=" saslname "," "r=" c-nonce ["," extensions]
 * Throws protocol_violation.
 */
export function parseClientFirst(data: Buffer): ClientFirst {
  const text = textOf(data);
  const header = /^(n|y|p=([A-Za-z0-9.-]{1,64})),(a=[^,]{0,1024})?,/.exec(text);
  if (!header) throw malformed('the GS2 header is wrong');
  if (header[3]) throw malformed('an authorization identity (a=) is not supported');
  const bare = text.slice(header[0].length);
  if (bare.startsWith('m=')) throw malformed('mandatory extensions (m=) are not supported');
  const parts = /^n=([^,]*),r=([\x21-\x2B\x2D-\x7E]+)(?:,.*)?$/s.exec(bare);
  if (!parts) throw malformed('user name or nonce is missing');
  const nonce = parts[2] as string;
  if (nonce.length > nonceLengthMax) throw malformed('the nonce is too long');
  return {
    flag: (header[1] as string)[0] as 'n' | 'y' | 'p',
    bindingName: header[2] ?? '',
    gs2Header: header[0],
    bare,
    user: userNameOf(parts[1] as string),
    nonce,
  };
}

/** client-final-message = "c=" base64 "," "r=" nonce ["," extensions] "," "p=" base64. Throws protocol_violation. */
export function parseClientFinal(data: Buffer): ClientFinal {
  const text = textOf(data);
  const parts = /^(c=([A-Za-z0-9+/=]+),r=([\x21-\x2B\x2D-\x7E]+)(?:,[^p][^,]*)*),p=([A-Za-z0-9+/=]+)$/.exec(text);
  if (!parts) throw malformed('channel binding, nonce or proof is missing');
  return {
    withoutProof: parts[1] as string,
    binding: base64(parts[2] as string),
    nonce: parts[3] as string,
    proof: base64(parts[4] as string),
  };
}

function textOf(data: Buffer): string {
  if (data.length > messageBytesMax) throw malformed('the message is too long');
  const text = data.toString('utf8');
  if (text.includes('\0')) throw malformed('the message holds a zero byte');
  return text;
}

/** saslname: `=2C` is a comma, `=3D` an equals sign; any other `=` is an error (section 5.1). */
function userNameOf(name: string): string {
  if (/=(?!2C|3D)/.test(name)) throw malformed('the user name is coded wrongly');
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

function base64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw malformed('base64 is not canonical');
  return bytes;
}

function malformed(what: string): LakeError {
  return new LakeError('protocol_violation', `malformed SCRAM message: ${what}`);
}
