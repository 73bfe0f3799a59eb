/** What tests of background maintenance ask of a pod: its metrics, what it shows of a lake, and the lake's files. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runClient } from './clients.ts';
import { type Pod, projectRoot } from './pod.ts';

/** The value of a sample; 0 when there is none yet. */
export async function metric(pod: Pod, sample: string): Promise<number> {
  const text = await (await fetch(`http://${pod.metrics.host}:${pod.metrics.port}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}

/** Waits until a sample is at least `least`. */
export async function reaches(pod: Pod, sample: string, least: number): Promise<void> {
  for (let waited = 0; (await metric(pod, sample)) < least; waited += 100) {
    assert.ok(waited < 30_000, `${sample} is ${await metric(pod, sample)}, not ${least}:\n${pod.log()}`);
    await sleep(100);
  }
}

/** Files below a lake's data path, by their names. */
export function filesOf(pod: Pod, lakeId: string): string[] {
  const folder = join(pod.dataDir, 'storage', 'lakes', lakeId);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
}

/** Waits until it is so, a minute at most. */
export async function until(what: string, pod: Pod, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await isSo()); waited += 100) {
    assert.ok(waited < 60_000, `${what}:\n${pod.log()}`);
    await sleep(100);
  }
}

/** `ducklakes show --json`, as far as it matters here. */
export interface Shown {
  readonly id: string;
  readonly maintenance: {
    readonly enabled: boolean;
    readonly snapshot_retention: string;
    readonly next_run: string | null;
    readonly keeps: readonly string[];
    readonly last_run: Readonly<Record<string, number | string | null>> | null;
  };
}

/** The command line against the pod's local socket. */
export async function admin(pod: Pod, ...args: string[]): Promise<Shown> {
  const ran = await runClient(
    'node',
    ['--disable-warning=ExperimentalWarning', join(projectRoot, 'cli/main.ts'), '--json', ...args],
    {
      environment: { ...process.env, BOILSTREAM_DATA_DIR: pod.dataDir },
    },
  );
  assert.equal(ran.code, 0, `${args.join(' ')}\n${ran.stderr}\n${pod.log()}`);
  return JSON.parse(ran.stdout) as Shown;
}
