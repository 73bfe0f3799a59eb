import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressList } from '../../../base/address-list.ts';
import { LakeError } from '../../../base/errors.ts';
import { decodeProxyHeader, looksLikeProxyHeader, proxyHeaderBytesMax } from '../../../base/proxy-header.ts';
import { scaled } from '../../support/tier.ts';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** A v2 header from its fields. */
function binary(options: { versionCommand?: number; family?: number; body: Buffer; length?: number }): Buffer {
  const head = Buffer.concat([signature, Buffer.from([options.versionCommand ?? 0x21, options.family ?? 0x11, 0, 0])]);
  head.writeUInt16BE(options.length ?? options.body.length, 14);
  return Buffer.concat([head, options.body]);
}

const four = Buffer.from([192, 0, 2, 7, 10, 0, 0, 1, 0xc3, 0x50, 0x15, 0x38]);
const six = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from([0xc3, 0x50, 0x15, 0x38]),
]);

const good: readonly [name: string, bytes: Buffer, address: string | null][] = [
  ['v1 over IPv4', Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 50000 5432\r\n'), '192.0.2.7'],
  ['v1 over IPv6', Buffer.from('PROXY TCP6 2001:db8::7 2001:db8::1 50000 5432\r\n'), '2001:db8::7'],
  ['v1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), null],
  ['v1, unknown with addresses', Buffer.from('PROXY UNKNOWN 2001:db8::7 2001:db8::1 50000 5432\r\n'), null],
  ['v2 over IPv4', binary({ body: four }), '192.0.2.7'],
  ['v2 over IPv6', binary({ family: 0x21, body: six }), '2001:db8:0:0:0:0:0:7'],
  ['v2 with additions', binary({ body: Buffer.concat([four, Buffer.from([4, 0, 3, 1, 2, 3])]) }), '192.0.2.7'],
  ['v2, local', binary({ versionCommand: 0x20, family: 0, body: Buffer.alloc(0) }), null],
  ['v2, local with an address', binary({ versionCommand: 0x20, body: four }), null],
  ['v2, unspecified', binary({ family: 0, body: Buffer.alloc(0) }), null],
  ['v2, UDP', binary({ family: 0x12, body: four }), null],
  ['v2, a Unix socket', binary({ family: 0x31, body: Buffer.alloc(216) }), null],
];

test('each form of header names its client, whatever stands behind it, and however it arrives', () => {
  for (const [name, bytes, address] of good) {
    const expected =
      address === null ? { t: 'local', bytes: bytes.length } : { t: 'proxied', bytes: bytes.length, address, port: 50_000 };
    assert.deepEqual(decodeProxyHeader(bytes), expected, name);
    assert.deepEqual(decodeProxyHeader(Buffer.concat([bytes, Buffer.from('PROXY and more')])), expected, name);
    for (let length = 0; length < bytes.length; length++)
      assert.equal(decodeProxyHeader(bytes.subarray(0, length)), null, `${name}: ${length} bytes say nothing yet`);
    assert.ok(looksLikeProxyHeader(bytes.subarray(0, 4)), name);
  }
});

test('what is no header, or names no address, is refused as soon as that shows', () => {
  const bad: readonly Buffer[] = [
    Buffer.from('G'),
    Buffer.from('PROXX'),
    Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 50000\r\n'),
    Buffer.from('PROXY TCP4 2001:db8::7 10.0.0.1 50000 5432\r\n'),
    Buffer.from('PROXY TCP6 192.0.2.7 10.0.0.1 50000 5432\r\n'),
    Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 65536 5432\r\n'),
    Buffer.from('PROXY TCP4 192.0.2.007 10.0.0.1 50000 5432\r\n'),
    Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 50000 5432 \r\n'),
    Buffer.from('PROXY TCP5 192.0.2.7 10.0.0.1 50000 5432\r\n'),
    Buffer.from(`PROXY ${'x'.repeat(101)}`),
    Buffer.from('PROXY UNKNOWNS\r\n'),
    binary({ versionCommand: 0x11, body: four }),
    binary({ versionCommand: 0x22, body: four }),
    binary({ body: four.subarray(0, 11) }),
    binary({ family: 0x21, body: four }),
    binary({ family: 0x41, body: four }),
    binary({ body: Buffer.alloc(0), length: 65_535 }),
  ];
  for (const bytes of bad)
    assert.throws(
      () => decodeProxyHeader(bytes),
      (error) => error instanceof LakeError && error.code === 'protocol_violation',
      bytes.toString('latin1'),
    );
});

test('bytes of any kind are a header, too few, or refused, and never waited for beyond the longest header', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return seed % below;
  };
  for (let round = 0; round < scaled(20_000, 1_000_000); round++) {
    const [, start] = good[random(good.length)] as (typeof good)[number];
    const bytes = Buffer.concat([start, Buffer.alloc(random(3) === 0 ? proxyHeaderBytesMax : random(40), random(256))]);
    for (let change = random(4); change > 0; change--) bytes[random(Math.min(bytes.length, 40))] = random(256);
    const part = bytes.subarray(0, random(2) === 0 ? bytes.length : random(bytes.length));
    try {
      const header = decodeProxyHeader(part);
      if (header === null) assert.ok(part.length < proxyHeaderBytesMax, 'waits for more than a header can have');
      else assert.ok(header.bytes <= part.length && header.bytes <= proxyHeaderBytesMax);
    } catch (error) {
      assert.ok(error instanceof LakeError && error.code === 'protocol_violation', String(error));
    }
  }
});

test('a list of addresses knows networks of both families, and IPv4 in IPv6’s clothes', () => {
  const list = new AddressList(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
  for (const inside of ['10.255.0.1', '192.0.2.7', 'fd12::1', '::ffff:10.1.2.3']) assert.ok(list.includes(inside), inside);
  for (const outside of ['11.0.0.1', '192.0.2.8', 'fe80::1', '::ffff:11.1.2.3', 'local', ''])
    assert.ok(!list.includes(outside), outside);
  assert.ok(!new AddressList([]).includes('10.0.0.1'));
  for (const wrong of ['', '10.0.0.0/33', '10.0.0/8', 'gateway', 'fd00::/129', '10.0.0.0/8/8', '10.0.0.0/'])
    assert.throws(() => new AddressList([wrong]), /neither an IP address nor a network/, wrong);
});
