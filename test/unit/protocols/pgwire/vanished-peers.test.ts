import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { silentConnections, vanishedPeers } from '../../../../protocols/pgwire/vanished-peers.ts';

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

test('who repeats itself without an answer is silent, by retransmissions or by probes of a closed window; slow ones are not', () => {
  const list = [
    // Retransmitted six times to 10.211.7.2:50000; five times; one probe open; three open and the next far off; five quick ones; keepalive.
    '   1: 0107D30A:1538 0207D30A:C350 01 0001F400:00000000 01:00000A00 00000006     0        0 1 1 0 20 4 30 10 -1',
    '   2: 0107D30A:1538 0207D30A:C351 01 0001F400:00000000 01:00000A00 00000005     0        0 1 1 0 20 4 30 10 -1',
    '   3: 0107D30A:1538 0207D30A:C352 01 0001F400:00000000 04:00000A00 00000000     0        1 1 1 0 20 4 30 10 -1',
    '   4: 0107D30A:1538 0207D30A:C353 01 0001F400:00000000 04:00000A00 00000000     0        3 1 1 0 20 4 30 10 -1',
    '   5: 0107D30A:1538 0207D30A:C355 01 0001F400:00000000 04:00000100 00000000     0        5 1 1 0 20 4 30 10 -1',
    '   6: 0107D30A:1538 0207D30A:C354 01 00000000:00000000 02:00000A00 00000000     0        0 1 1 0 20 4 30 10 -1',
  ].join('\n');
  assert.deepEqual(silentConnections(head + list), ['5432 10.211.7.2 50000', '5432 10.211.7.2 50003']);
  const six =
    '   0: 0000000000000000FFFF00000107D30A:1538 0000000000000000FFFF00000207D30A:C350 01 0:0 01:0A 00000006 0 0 1\n' +
    '   1: B80D0120000000000000000001000000:1538 B80D0120000000000000000007000000:C350 01 0:0 01:0A 00000006 0 0 1\n';
  assert.deepEqual(silentConnections(head + six), ['5432 10.211.7.2 50000', '5432 [2001:db8::7] 50000']);
  assert.deepEqual(silentConnections(''), []);
});

test('a peer that is there is never among them', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(Buffer.alloc(64 * 1024 * 1024));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(client, 'connect');
  assert.deepEqual(await vanishedPeers([client]), []);
  assert.deepEqual(await vanishedPeers([client], '/nowhere'), []);
  client.destroy();
  server.close();
});
