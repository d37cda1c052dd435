/** Load, kills, and the reckoning. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { adminModelList } from '../../../backend/src/contract/admin.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { createGatewayFolder, type GatewayFolder } from '../bench/gateway-folder.ts';
import type { BenchReport } from '../report.ts';
import { type Gateway, startGatewayProcess } from './gateway.ts';
import { ADMIN_HEADERS, startLoad } from './load.ts';
import { type AuditCount, auditOf, type Reckoning, reckon, settle, verdicts } from './reckon.ts';

export interface ChaosOptions {
  rounds: number;
  seed: number;
  say(line: string): void;
}

type Victim = 'gateway' | 'worker' | 'postgres';

const VICTIMS: Victim[] = ['gateway', 'worker', 'postgres'];
const SETTLE_MS = 300_000;

export async function runChaos({ rounds, seed, say }: ChaosOptions): Promise<BenchReport> {
  await using folder = await createGatewayFolder();
  const random = seededRandom(seed);
  const victims = order(rounds, seededRandom(seed + 1));
  const state = { gateway: await startGatewayProcess(folder) };
  const load = startLoad({ seed, random, url: () => state.gateway.url });
  const counts: Record<Victim, number> = { gateway: 0, worker: 0, postgres: 0 };
  const startedAt = Date.now();

  try {
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(200 + random() * 2300);
      const victim = victims[round - 1] ?? 'gateway';
      if (await kill(victim, state, folder)) counts[victim] += 1;
      say(`round ${round} of ${rounds}: ${victim} killed, ${load.expected.size} jobs acknowledged`);
    }
    await load.stop();
    const settledMs = await settle(state.gateway.url, SETTLE_MS);
    const reckoning = await reckon(state.gateway.url, load.expected);
    const audit = await auditOf(state.gateway.url);
    return report({
      rounds,
      seed,
      counts,
      refused: load.refused,
      settledMs,
      seconds: (Date.now() - startedAt) / 1000,
      reckoning,
      audit,
    });
  } finally {
    await load.stop().catch(() => {});
    await state.gateway.stop();
  }
}

/** Each of them in every three rounds, in any order. */
function order(rounds: number, random: () => number): Victim[] {
  return Array.from({ length: Math.ceil(rounds / VICTIMS.length) }, () =>
    VICTIMS.map((victim) => ({ victim, place: random() })).toSorted((a, b) => a.place - b.place),
  ).flatMap((some) => some.map(({ victim }) => victim));
}

/** @returns whether there was something to kill. The gateway is started again at once, the rest comes back by itself. */
async function kill(victim: Victim, state: { gateway: Gateway }, folder: GatewayFolder): Promise<boolean> {
  if (victim === 'gateway') {
    await state.gateway.kill();
    state.gateway = await startGatewayProcess(folder);
    return true;
  }
  const pid = victim === 'worker' ? await workerPid(state.gateway.url) : await postgresPid(folder);
  if (pid === undefined) return false;
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

async function workerPid(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(`${url}/api/admin/models`, { headers: ADMIN_HEADERS });
    const models = adminModelList.parse(await response.json()).data;
    return models.flatMap(({ replicas }) => replicas).find(({ pid }) => pid !== null)?.pid ?? undefined;
  } catch {
    return undefined;
  }
}

async function postgresPid({ env }: GatewayFolder): Promise<number | undefined> {
  const path = join(env.DATA_DIR ?? '', 'postgres/server/data/postmaster.pid');
  const [first] = (await readFile(path, 'utf8').catch(() => '')).split('\n');
  const pid = Number(first);
  return pid > 0 ? pid : undefined;
}

function report(made: {
  rounds: number;
  seed: number;
  counts: Record<Victim, number>;
  refused: number;
  settledMs: number;
  seconds: number;
  reckoning: Reckoning;
  audit: AuditCount;
}): BenchReport {
  const { reckoning, audit, counts } = made;
  const checks = verdicts(reckoning, audit);
  return {
    name: 'chaos',
    pass: checks.every(([, , met]) => met) && reckoning.acknowledged > 0,
    figures: {
      seed: made.seed,
      rounds: made.rounds,
      ...Object.fromEntries(VICTIMS.map((victim) => [`${victim} killed`, counts[victim]])),
      'jobs acknowledged': reckoning.acknowledged,
      'jobs committed without an acknowledgement that arrived': reckoning.unacknowledged,
      'requests that failed and were sent again': made.refused,
      'audit rows of jobs, created and ended': `${audit.created} ${audit.ended}`,
      'seconds until all was done after the last kill': Math.round(made.settledMs / 100) / 10,
      seconds: Math.round(made.seconds),
    },
    table: [
      ['acknowledged jobs', 'count', ''],
      ...checks.map(([what, count, met]) => [what, `${count}`, met ? 'ok' : 'MISSED']),
    ],
  };
}
