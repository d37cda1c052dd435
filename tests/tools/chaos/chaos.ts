/** Load, kills, and the reckoning. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { adminModelList } from '../../../backend/src/contract/admin.ts';
import type { Job, JobEvent } from '../../../backend/src/contract/jobs.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { wav } from '../../support/wav.ts';
import { AUTHORIZATION, createGatewayFolder, type GatewayFolder } from '../bench/gateway-folder.ts';
import type { BenchReport } from '../report.ts';
import { ADMIN_KEY, type Gateway, startGatewayProcess } from './gateway.ts';

export interface ChaosOptions {
  rounds: number;
  seed: number;
  say(line: string): void;
}

type Victim = 'gateway' | 'worker' | 'postgres';

/** An acknowledged job and what its text must be. */
interface Expected {
  id: string;
  text: string;
}

const VICTIMS: Victim[] = ['gateway', 'worker', 'postgres'];
const SENDERS = 3;
/** Unfinished jobs above which the senders wait: the load shall last through the kills, not through the night. */
const MOST_WAITING = 40;
const SETTLE_MS = 300_000;
const HEADERS = { authorization: AUTHORIZATION };
const ADMIN_HEADERS = { authorization: `Bearer ${ADMIN_KEY}` };

export async function runChaos({ rounds, seed, say }: ChaosOptions): Promise<BenchReport> {
  await using folder = await createGatewayFolder();
  const random = seededRandom(seed);
  const victims = order(rounds, seededRandom(seed + 1));
  const state = { gateway: await startGatewayProcess(folder), restarting: Promise.resolve() };
  const expected = new Map<string, Expected>();
  const counts: Record<Victim, number> = { gateway: 0, worker: 0, postgres: 0 };
  let refused = 0;
  let stopped = false;
  const startedAt = Date.now();

  async function send(sender: number): Promise<void> {
    for (let n = 0; !stopped; n += 1) {
      const windows = 1 + Math.floor(random() * 12);
      const milliseconds = Math.floor(random() * 60);
      const key = `chaos-${seed}-${sender}-${n}`;
      const audio = wav(1, 50 + SENDERS * (n % 900) + sender);
      const text = Array.from({ length: windows }, (_, i) => ` w${i}`).join('');
      // Until it is acknowledged the client asks again, under the same key.
      while (!stopped) {
        const id = await submit(state.gateway.url, {
          audio,
          prompt: `windows:${windows}:${milliseconds} say:${n}`,
          key,
        });
        if (id !== undefined) {
          expected.set(id, { id, text: `${text}${n}` });
          break;
        }
        refused += 1;
        await sleep(100);
      }
      while (!stopped && (await unfinished(state.gateway.url)) > MOST_WAITING) await sleep(200);
    }
  }

  try {
    const senders = Array.from({ length: SENDERS }, (_, sender) => send(sender));
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(200 + random() * 2300);
      const victim = victims[round - 1] ?? 'gateway';
      if (await kill(victim, state, folder)) counts[victim] += 1;
      say(`round ${round} of ${rounds}: ${victim} killed, ${expected.size} jobs acknowledged`);
    }
    stopped = true;
    await Promise.all(senders);
    const settledMs = await settle(state.gateway.url, SETTLE_MS);
    const reckoning = await reckon(state.gateway.url, expected);
    const audit = await auditOf(state.gateway.url);
    return report({
      rounds,
      seed,
      counts,
      refused,
      settledMs,
      seconds: (Date.now() - startedAt) / 1000,
      reckoning,
      audit,
    });
  } finally {
    stopped = true;
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

/** @returns the id of the job; undefined when nothing was acknowledged. */
async function submit(
  url: string,
  { audio, prompt, key }: { audio: Buffer<ArrayBuffer>; prompt: string; key: string },
): Promise<string | undefined> {
  const body = new FormData();
  body.set('file', new File([audio], 'speech.wav'));
  body.set('model', 'fake/echo');
  body.set('prompt', prompt);
  const headers = { ...HEADERS, prefer: 'respond-async', 'idempotency-key': key };
  try {
    const response = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body, headers });
    const answer = await response.text();
    if (response.status === 202) return (JSON.parse(answer) as Job).id;
    if (response.status < 500) throw new Unexpected(`${response.status} ${answer}`);
  } catch (error) {
    if (error instanceof Unexpected) throw error;
  }
  return undefined;
}

class Unexpected extends Error {}

async function unfinished(url: string): Promise<number> {
  try {
    const { data } = await page(url, 'status=queued,running&limit=100');
    return data.length;
  } catch {
    return 0;
  }
}

async function page(url: string, query: string): Promise<{ data: Job[]; has_more: boolean; last_id: string | null }> {
  const response = await fetch(`${url}/v1/jobs?${query}`, { headers: HEADERS });
  if (!response.ok) throw new Error(`GET /v1/jobs: ${response.status}`);
  return (await response.json()) as Awaited<ReturnType<typeof page>>;
}

/** @returns milliseconds until nothing was unfinished. */
async function settle(url: string, most: number): Promise<number> {
  const start = Date.now();
  while (Date.now() - start < most) {
    const left = await page(url, 'status=queued,running&limit=1').catch(() => undefined);
    if (left?.data.length === 0) break;
    await sleep(250);
  }
  return Date.now() - start;
}

interface Reckoning {
  acknowledged: number;
  lost: number;
  unfinished: number;
  failed: number;
  otherText: number;
  endedTwice: number;
  /** Committed, their acknowledgement lost on the way and never asked for again. */
  unacknowledged: number;
}

async function reckon(url: string, expected: ReadonlyMap<string, Expected>): Promise<Reckoning> {
  const jobs = new Map<string, Job>();
  for (let after = ''; ; ) {
    const { data, has_more, last_id } = await page(url, `limit=100${after}`);
    for (const job of data) jobs.set(job.id, job);
    if (!has_more) break;
    after = `&after=${last_id}`;
  }
  const result: Reckoning = {
    ...{ acknowledged: expected.size, lost: 0, unfinished: 0, failed: 0, otherText: 0, endedTwice: 0 },
    unacknowledged: [...jobs.keys()].filter((id) => !expected.has(id)).length,
  };
  for (const { id, text } of expected.values()) {
    const job = jobs.get(id);
    if (job === undefined) result.lost += 1;
    else if (job.status === 'queued' || job.status === 'running') result.unfinished += 1;
    else if (job.status !== 'succeeded') result.failed += 1;
    else {
      const answer = await fetch(`${url}/v1/jobs/${id}/result`, { headers: HEADERS });
      const made = (await answer.json()) as { text?: string };
      if (made.text !== text) result.otherText += 1;
      if ((await endsOf(url, id)) !== 1) result.endedTwice += 1;
    }
  }
  return result;
}

async function endsOf(url: string, id: string): Promise<number> {
  const answer = await fetch(`${url}/v1/jobs/${id}/events`, { headers: HEADERS });
  const events = [...(await answer.text()).matchAll(/^data: (.*)$/gm)].map(
    ([, data = '']): JobEvent => JSON.parse(data),
  );
  return events.filter((event) => event.type === 'job.status' && event.status === 'succeeded').length;
}

interface AuditCount {
  created: number;
  ended: number;
  /** Jobs with more than one end, or an end without a beginning. */
  crooked: number;
  /** The chain as `npm run audit:verify` would judge it. */
  intact: boolean;
}

async function auditOf(url: string): Promise<AuditCount> {
  const answer = await fetch(`${url}/api/admin/audit`, { headers: ADMIN_HEADERS });
  const rows = (await answer.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line): { seq: number; action: string; subject: string; previous_hash: string; hash: string } =>
      JSON.parse(line),
    );
  const created = new Set<string>();
  const ended = new Set<string>();
  let crooked = 0;
  for (const { action, subject } of rows) {
    if (action === 'job.created') created.add(subject);
    else if (action.startsWith('job.')) {
      if (ended.has(subject) || !created.has(subject)) crooked += 1;
      ended.add(subject);
    }
  }
  const intact = rows.every(
    ({ seq, previous_hash: previous }, i) => seq === i + 1 && (i === 0 || previous === rows[i - 1]?.hash),
  );
  return { created: created.size, ended: ended.size, crooked, intact };
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
  const checks: [string, number, boolean][] = [
    ['lost', reckoning.lost, reckoning.lost === 0],
    ['neither finished nor queued in time', reckoning.unfinished, reckoning.unfinished === 0],
    ['failed', reckoning.failed, reckoning.failed === 0],
    ['with another text', reckoning.otherText, reckoning.otherText === 0],
    ['ended more than once', reckoning.endedTwice, reckoning.endedTwice === 0],
    ['without a straight line in the audit log', audit.crooked, audit.crooked === 0],
    ['breaks in the audit chain', audit.intact ? 0 : 1, audit.intact],
  ];
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
