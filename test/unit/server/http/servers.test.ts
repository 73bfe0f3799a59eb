import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connect } from 'node:tls';
import { Counter, Registry } from 'prom-client';
import { systemClock } from '../../../../base/clock.ts';
import { silentLogger } from '../../../../base/log.ts';
import { systemRandom } from '../../../../base/random.ts';
import { openCertificates } from '../../../../server/certificates.ts';
import { startApiServer } from '../../../../server/http/api-server.ts';
import { startMetricsServer } from '../../../../server/http/metrics-server.ts';
import { mergeMetrics } from '../../../../server/http/metrics-text.ts';
import { refusedWith } from '../../../support/control.ts';

const nobody = {
  login: async () => ({ t: 'mfa-needed' as const }),
  find: async () => undefined,
  logout: async () => {},
  local: async () => assert.fail('nobody asks'),
};
const pod = {
  status: () => assert.fail('nobody asks'),
  notReady: () => [],
  drain: async () => ({ unfinished: 0 }),
  stop: () => {},
};

describe('the TLS listener', () => {
  it('serves a renewed certificate to new connections without a restart', async () => {
    const directories = ['one', 'two'].map(() => mkdtempSync(join(tmpdir(), 'tls-')));
    const [one, two] = await Promise.all(
      directories.map((dataDir) => openCertificates({ dataDir, hosts: ['localhost'], clock: systemClock, logger: silentLogger })),
    );
    let current = one;
    let reload = (): void => {};
    const tls = {
      pem: () => current?.pem() ?? assert.fail(),
      onReload: (listener: () => void) => {
        reload = listener;
      },
    };
    const options = {
      admin: null as never,
      sessions: nobody,
      pod,
      tls,
      host: '127.0.0.1',
      port: 0,
      version: '0',
      logger: silentLogger,
      random: systemRandom,
    };
    const server = await startApiServer({ ...options, socketPath: join(directories[0] as string, 's') });
    const fingerprint = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect({ port: server.address.port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().fingerprint256);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const before = await fingerprint();
    current = two;
    assert.equal(await fingerprint(), before);
    reload();
    assert.notEqual(await fingerprint(), before);
    await assert.rejects(
      startApiServer({ ...options, port: server.address.port, socketPath: join(directories[1] as string, 's') }),
      refusedWith('config_invalid', /it is taken/),
    );
    await server.close();
    for (const certificates of [one, two]) certificates?.close();
    for (const directory of directories) rmSync(directory, { recursive: true });
  });
});

describe('the metrics listener', () => {
  it("tells health and readiness apart, and gives both threads' metrics", async () => {
    const reasons: string[] = [];
    const worker = new Registry();
    new Counter({ name: 'boilstream_log_commits_total', help: 'commits', registers: [worker] }).inc(7);
    const server = await startMetricsServer({
      pod: { notReady: () => reasons },
      host: '127.0.0.1',
      port: 0,
      logger: silentLogger,
      random: systemRandom,
      workerMetrics: () => worker.metrics(),
    });
    const get = async (path: string): Promise<[number, string]> => {
      const answer = await fetch(`http://127.0.0.1:${server.address.port}${path}`);
      return [answer.status, await answer.text()];
    };
    assert.deepEqual(await get('/readyz'), [200, 'ready\n']);
    reasons.push('draining');
    assert.deepEqual(await get('/readyz'), [503, 'not ready: draining\n']);
    assert.deepEqual(await get('/healthz'), [200, 'ok\n']);
    await get('/nothing/here/42');
    const [, text] = await get('/metrics');
    assert.match(text, /^boilstream_log_commits_total 7$/m);
    assert.match(text, /^process_cpu_seconds_total /m);
    assert.match(text, /listener="metrics",method="GET",route="unknown",status="404"/, 'unknown paths share one label');
    assert.ok(!text.includes('/nothing/here'));
    await server.close();
  });

  it('goes on when the worker does not answer, and says which variable chooses another port', async () => {
    const server = await startMetricsServer({
      pod,
      host: '127.0.0.1',
      port: 0,
      logger: silentLogger,
      random: systemRandom,
      workerMetrics: async () => {
        throw new Error('gone');
      },
    });
    assert.equal((await fetch(`http://127.0.0.1:${server.address.port}/metrics`)).status, 200);
    await server.close();
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as { port: number };
    await assert.rejects(
      startMetricsServer({ pod, host: '127.0.0.1', port, logger: silentLogger, random: systemRandom }),
      (error) =>
        refusedWith('config_invalid', /it is taken/)(error) && /BOILSTREAM_METRICS_PORT/.test((error as { hint: string }).hint),
    );
    holder.close();
  });

  it('writes a family that both threads have once, its samples told apart', () => {
    const first = '# HELP a one\n# TYPE a counter\na{x="1"} 5\n\n# HELP b two\n# TYPE b gauge\nb 1\n';
    const second =
      '# HELP b two\n# TYPE b gauge\nb 2\n\n# HELP a one\n# TYPE a counter\na{x="1"} 6\n\n# HELP c three\n# TYPE c gauge\nc 3\n';
    assert.equal(
      mergeMetrics(first, second, 'metadata'),
      '# HELP a one\n# TYPE a counter\na{x="1"} 5\na{thread="metadata",x="1"} 6\n\n# HELP b two\n# TYPE b gauge\nb 1\nb{thread="metadata"} 2\n\n# HELP c three\n# TYPE c gauge\nc 3\n',
    );
  });
});
