/**
 * Power cuts: the gateway works on a file system in an image; everything is halted in the middle, the image is copied
 * without a word to the kernel, and the copy is what the disk holds afterwards: what was not synced is not in it. Needs root.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { childrenOf } from '../../support/processes.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { createGatewayFolder } from '../bench/gateway-folder.ts';
import type { BenchReport } from '../report.ts';
import { startGatewayProcess } from './gateway.ts';
import { page, startLoad } from './load.ts';
import { auditOf, reckon, settle, verdicts } from './reckon.ts';

const run = promisify(execFile);
const IMAGE_MEGABYTES = 1024;
const SETTLE_MS = 120_000;

export interface PowerCutOptions {
  rounds: number;
  seed: number;
  say(line: string): void;
}

/** @throws where images cannot be mounted. */
export async function runPowerCuts({ rounds, seed, say }: PowerCutOptions): Promise<BenchReport> {
  const table: string[][] = [['round', 'jobs acknowledged', 'unfinished at the cut', ...VERDICTS, '']];
  let pass = true;
  let acknowledged = 0;
  for (let round = 1; round <= rounds; round += 1) {
    const made = await cutOnce(seed + round);
    const verdict = verdicts(made.reckoning, made.audit);
    const met = verdict.every(([, , ok]) => ok) && made.reckoning.acknowledged > 0;
    pass &&= met;
    acknowledged += made.reckoning.acknowledged;
    const counts = verdict.map(([, count]) => `${count}`);
    table.push([`${round}`, `${made.reckoning.acknowledged}`, `${made.unfinished}`, ...counts, met ? 'ok' : 'MISSED']);
    say(
      `power cut ${round} of ${rounds}: ${made.reckoning.acknowledged} jobs acknowledged, ${made.unfinished} unfinished`,
    );
  }
  return { name: 'power-cut', pass, figures: { seed, rounds, 'jobs acknowledged': acknowledged }, table };
}

const VERDICTS = ['lost', 'not done', 'failed', 'other text', 'ended twice', 'audit lines', 'audit chain'];

async function cutOnce(seed: number) {
  await using folder = await createGatewayFolder();
  const random = seededRandom(seed);
  const [image, copy, mount] = ['disk.img', 'copy.img', 'mnt'].map((name) => join(folder.dir, name)) as [
    string,
    string,
    string,
  ];
  await run('truncate', ['-s', `${IMAGE_MEGABYTES}M`, image]);
  await run('mkfs.ext4', ['-q', image]);
  await mkdir(mount);
  await run('mount', ['-o', 'loop', image, mount]);
  const env = { ...folder.env, DATA_DIR: join(mount, 'data') };
  try {
    const gateway = await startGatewayProcess({ env });
    const load = startLoad({ seed, random, url: () => gateway.url });
    await sleep(2000 + 4000 * random());
    // All stand still, so that nothing is written while the image is copied.
    const pids = withDescendants(gateway.pid);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const expected = new Map(load.expected);
    await copyFile(image, copy);
    const stopping = load.stop();
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await Promise.all([stopping, gateway.kill()]);
    await unmount(mount);
    await rename(copy, image);
    await run('mount', ['-o', 'loop', image, mount]);

    const restarted = await startGatewayProcess({ env });
    try {
      const unfinished = await countUnfinished(restarted.url);
      await settle(restarted.url, SETTLE_MS);
      const reckoning = await reckon(restarted.url, expected);
      return { reckoning, unfinished, audit: await auditOf(restarted.url) };
    } finally {
      await restarted.stop();
    }
  } finally {
    await unmount(mount);
  }
}

async function countUnfinished(url: string): Promise<number> {
  return (await page(url, 'status=queued,running&limit=100')).data.length;
}

function withDescendants(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(withDescendants)];
}

/** What was killed may hold files for a moment longer. */
async function unmount(mount: string): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    try {
      await run('umount', [mount]);
      return;
    } catch (error) {
      if (String(error).includes('not mounted')) return;
      await sleep(200);
    }
  }
  throw new Error(`${mount} could not be unmounted`);
}
