/**
 * Tells a client that reads slowly from one that is gone without a word. Both leave an answer waiting; but the kernel of a
 * slow one still acknowledges, and that of a vanished one does not, while TCP itself tries on for a quarter of an hour. The
 * system lists how often it has sent again what was not acknowledged (Linux; elsewhere the write deadline has to do).
 * Source: Linux, Documentation/networking/proc_net_tcp.rst; net/ipv4/tcp_ipv4.c, get_tcp4_sock.
 */
import { readFile } from 'node:fs/promises';

/** Repeated so often, each time after twice the wait: some 12 s without an acknowledgement. */
const repeatsMax = 6;
/** Probes of a window that has long been closed come at long intervals: so few say as much when the next is so far off (1/100 s). */
const rareProbesMax = 3;
const rareWait = 500;

/** One end of a connection as a socket names it. */
export interface Peer {
  readonly localPort?: number | undefined;
  readonly remotePort?: number | undefined;
  readonly remoteAddress?: string | undefined;
}

/** Those of the peers that acknowledge nothing any more. Never rejects: where the system tells nothing, none. */
export async function vanishedPeers<T extends Peer>(peers: readonly T[], folder = '/proc/net'): Promise<T[]> {
  const lists = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`${folder}/${name}`, 'latin1').catch(() => '')));
  const silent = new Set(lists.flatMap(silentConnections));
  return peers.filter((peer) => silent.has(nameOf(peer)));
}

/** Names of the connections in the system's list that have repeated themselves too often. */
export function silentConnections(list: string): string[] {
  return list.split('\n').flatMap((line) => {
    // sl local_address rem_address st queues timer:when retransmits uid unanswered-probes …
    const [, local, remote, , , timer, repeats, , probes] = line.trim().split(/\s+/);
    if (!local || !remote || !timer || !isSilent(timer, Number.parseInt(repeats ?? '', 16), Number(probes))) return [];
    const [address = '', port = ''] = remote.split(':');
    return [`${Number.parseInt(local.split(':')[1] ?? '', 16)} ${addressOf(address)} ${Number.parseInt(port, 16)}`];
  });
}

/** Timer 1 sends again what was not acknowledged, 4 probes a window that is closed. */
function isSilent(timer: string, repeats: number, probes: number): boolean {
  const [kind, wait = ''] = timer.split(':');
  if (kind === '01') return repeats >= repeatsMax;
  return kind === '04' && probes >= (Number.parseInt(wait, 16) >= rareWait ? rareProbesMax : repeatsMax);
}

function nameOf({ localPort, remotePort, remoteAddress = '' }: Peer): string {
  const plain = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  return `${localPort} ${plain.includes(':') ? canonical(plain) : plain} ${remotePort}`;
}

/** The system writes addresses as 32-bit words in its own byte order. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, 'hex').reverse()]);
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.slice(0, 12).every((byte, at) => byte === (at < 10 ? 0 : 0xff))) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, at) => (((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)).toString(16));
  return canonical(groups.join(':'));
}

/** One spelling for each IPv6 address. */
function canonical(address: string): string {
  return URL.canParse(`http://[${address}]`) ? new URL(`http://[${address}]`).hostname : address;
}
