/** A list of IP addresses and networks, as settings name them: `10.0.0.0/8, fd00::/8, 192.0.2.7`. */
import { BlockList, isIP } from 'node:net';

export class AddressList {
  readonly #list = new BlockList();
  readonly isEmpty: boolean;

  /** Entries are addresses or networks (CIDR). Throws Error with what is wrong with the first bad one. */
  constructor(entries: readonly string[]) {
    this.isEmpty = entries.length === 0;
    for (const entry of entries) {
      const [address = '', bits, ...more] = entry.split('/');
      const family = isIP(address);
      const bitsMax = family === 4 ? 32 : 128;
      const prefix = bits === undefined ? bitsMax : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
      if (family === 0 || more.length > 0 || !(prefix <= bitsMax))
        throw new Error(`"${entry}" is neither an IP address nor a network such as 10.0.0.0/8`);
      this.#list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
    }
  }

  /** Whether the address of a peer is on the list; an IPv4 address in IPv6's clothes counts as what it is. */
  includes(address: string): boolean {
    if (this.isEmpty) return false;
    const plain = address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
    const family = isIP(plain);
    return family !== 0 && this.#list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
  }
}
