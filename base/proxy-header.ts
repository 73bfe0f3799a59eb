/**
 * PROXY protocol: who is behind a connection that a gateway passes on, in a header before its first byte, as text (v1) or
 * binary (v2). Pure; for every listener with a public port. Lengths are checked before anything is waited for.
 * Source: "The PROXY protocol", versions 1 & 2, sections 2.1 and 2.2 (haproxy.org, 2020/03/05).
 */
import { isIPv4, isIPv6 } from 'node:net';
import { LakeError } from './errors.ts';

/** What a header says; `local`: the gateway itself speaks (a health check), so its own address counts. */
export type ProxyHeader =
  | { readonly t: 'local'; readonly bytes: number }
  | { readonly t: 'proxied'; readonly bytes: number; readonly address: string; readonly port: number };

/** The longest v1 header with its CRLF. */
const textBytesMax = 107;
/** Addresses take up to 216 bytes, the rest are additions (TLVs) that are passed over: gateways send some hundred bytes of them. */
const binaryBodyBytesMax = 4096;
const textStart = Buffer.from('PROXY');
const binaryStart = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const binaryHeadBytes = 16;

/** The longest header there can be, with its first bytes. */
export const proxyHeaderBytesMax = binaryHeadBytes + binaryBodyBytesMax;

/** True when these are the first bytes of a header (at least 5 are needed to tell): something to say to whoever may not send one. */
export function looksLikeProxyHeader(head: Buffer): boolean {
  const start = head[0] === textStart[0] ? textStart : binaryStart;
  const count = Math.min(head.length, start.length);
  return count >= 4 && head.subarray(0, count).equals(start.subarray(0, count));
}

/** The header at the start of `bytes`, or null when more bytes are needed to tell. Throws protocol_violation for anything else. */
export function decodeProxyHeader(bytes: Buffer): ProxyHeader | null {
  if (bytes.length === 0) return null;
  const start = bytes[0] === textStart[0] ? textStart : binaryStart;
  const count = Math.min(bytes.length, start.length);
  if (!bytes.subarray(0, count).equals(start.subarray(0, count))) throw wrong('the connection does not begin with one');
  if (count < start.length) return null;
  return start === textStart ? decodeText(bytes) : decodeBinary(bytes);
}

/** `PROXY TCP4 source destination source-port destination-port\r\n`, or `PROXY UNKNOWN …\r\n`. */
function decodeText(bytes: Buffer): ProxyHeader | null {
  const end = bytes.subarray(0, textBytesMax).indexOf('\r\n', 0, 'latin1');
  if (end < 0) {
    if (bytes.length >= textBytesMax) throw wrong(`it has no end within ${textBytesMax} bytes`);
    return null;
  }
  const line = bytes.toString('latin1', 0, end);
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { t: 'local', bytes: end + 2 };
  const match = /^PROXY (TCP4|TCP6) (\S{1,39}) (\S{1,39}) (\d{1,5}) (\d{1,5})$/.exec(line);
  const isAddress = match?.[1] === 'TCP4' ? isIPv4 : isIPv6;
  const [address, destination, port, destinationPort] = (match ?? []).slice(2) as [string, string, string, string];
  if (!match || !isAddress(address) || !isAddress(destination) || !isPort(port) || !isPort(destinationPort))
    throw wrong('its addresses cannot be read');
  return { t: 'proxied', bytes: end + 2, address, port: Number(port) };
}

/** 12 bytes of signature, version and command, family and protocol, length of what follows; then addresses and ports. */
function decodeBinary(bytes: Buffer): ProxyHeader | null {
  if (bytes.length < binaryHeadBytes) return null;
  const [version, command] = [(bytes[12] as number) >> 4, (bytes[12] as number) & 0xf];
  const [family, transport] = [(bytes[13] as number) >> 4, (bytes[13] as number) & 0xf];
  const bodyBytes = bytes.readUInt16BE(14);
  if (version !== 2) throw wrong(`version ${version} is not known`);
  if (command > 1) throw wrong(`command ${command} is not known`);
  if (bodyBytes > binaryBodyBytesMax) throw wrong(`${bodyBytes} bytes are too many`);
  const total = binaryHeadBytes + bodyBytes;
  if (command === 0 || family === 0 || transport !== 1 || family === 3)
    return bytes.length < total ? null : { t: 'local', bytes: total };
  const addressBytes = family === 1 ? 4 : 16;
  if (family > 2) throw wrong(`address family ${family} is not known`);
  if (bodyBytes < addressBytes * 2 + 4) throw wrong('it is too short for its addresses');
  if (bytes.length < total) return null;
  const source = bytes.subarray(binaryHeadBytes, binaryHeadBytes + addressBytes);
  const address =
    family === 1 ? source.join('.') : Array.from({ length: 8 }, (_, i) => source.readUInt16BE(i * 2).toString(16)).join(':');
  return { t: 'proxied', bytes: total, address, port: bytes.readUInt16BE(binaryHeadBytes + addressBytes * 2) };
}

function isPort(text: string): boolean {
  return Number(text) <= 65_535;
}

function wrong(why: string): LakeError {
  return new LakeError('protocol_violation', `no PROXY protocol header that can be read: ${why}`, {
    hint: 'Connections from this address must carry one (BOILSTREAM_PROXY_PROTOCOL_FROM): have the gateway send it, or take its address off that list.',
  });
}
