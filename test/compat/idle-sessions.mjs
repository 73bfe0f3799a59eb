/** Opens many sessions with node-postgres over TLS, asks each something once, and keeps them idle. argv: how many. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const { Client } = createRequire(join(process.env.BOILSTREAM_TEST_NODE_CLIENTS, 'package.json'))('pg');
const count = Number(process.argv[2]);
const ca = readFileSync(process.env.PGSSLROOTCERT, 'utf8');
const password = readFileSync(process.env.PGPASSFILE, 'utf8')
  .split('\n')[0]
  .split(':')
  .slice(4)
  .join(':')
  .replace(/\\(.)/g, '$1');
const clients = [];
let gone = 0;

async function open(index) {
  const client = new Client({ password, ssl: { ca, servername: 'localhost' }, statement_timeout: 60_000 });
  client.on('error', () => gone++);
  await client.connect();
  const { rows } = await client.query('SELECT $1::int + 1 AS next', [index]);
  if (rows[0].next !== index + 1) throw new Error(`session ${index} answered ${JSON.stringify(rows)}`);
  clients[index] = client;
}

const turns = Array.from({ length: 8 }, async (_, first) => {
  for (let i = first; i < count; i += 8) await open(i);
});
await Promise.all(turns);
console.log('open');

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'ask') {
    // Some of them, all over.
    for (let i = 0; i < count; i += Math.max(1, Math.floor(count / 50))) {
      const { rows } = await clients[i].query('SELECT count(*)::int AS n FROM idle_seen');
      if (rows[0].n !== 3) throw new Error(`session ${i} sees ${JSON.stringify(rows)}`);
    }
    console.log(`answered, ${gone} gone`);
  }
  if (line === 'close') break;
}
await Promise.all(clients.map((client) => client.end()));
console.log('closed');
process.exit(0);
