/**
 * Replicas of a real model on the CPU: what a second one brings, whether the gateway keeps memory of those that have gone,
 * and what callers notice when a random one is killed every second.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type AdminModel, adminModelList } from '../../../backend/src/contract/admin.ts';
import { startFakeHub } from '../../support/fake-hub.ts';
import { childrenOf } from '../../support/processes.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { UsageError } from '../command-line.ts';
import type { BenchReport } from '../report.ts';
import { countArgument } from './count-argument.ts';
import { AUTHORIZATION, createGatewayFolder } from './gateway-folder.ts';
import { median } from './median.ts';
import { memoryOf } from './process-memory.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { FORM_TYPE, speechForm } from './speech-form.ts';

const GOAL_RATIO = 1.5;
/** MiB a cycle; a leak of one worker's messages would be a hundred times that. */
const GOAL_SLOPE = 0.1;
const GOAL_SUCCESS = 0.95;
const DEFAULT_ROUNDS = 9;
/** Of 11 s and of 66 s: of the short ones, a third of the work is ffmpeg's, which has processes of its own anyway. */
const REQUESTS_PER_ROUND = { short: 24, long: 8 };
const REPEATS = 6;
const CLIENTS = 8;
const CYCLES = 50;
/** Not counted: the heap finds its size. */
const WARM_UP_CYCLES = 10;
const KILLING_SECONDS = 60;
const KILL_CLIENTS = 4;
const MODEL = 'zipformer-gigaspeech-3.3m';
const ADMIN_KEY = 'agw-admin-of-the-benchmark';
const SHARED = resolve(fileURLToPath(new URL('../../../../shared', import.meta.url)));
const SPEECH = `${SHARED}/audio/speech/jfk.wav`;
/** 3 s: a worker that loads for a second and lives for two shall get something done. */
const SHORT_SPEECH = `${SHARED}/audio/speech/speechbrain-spk1-snt1.wav`;

/** `args`: the number of rounds. */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const rounds = countArgument(args, 'the number of rounds', DEFAULT_ROUNDS);
  if (!existsSync(SPEECH)) throw new UsageError('it needs a real model: the reference material at ../shared');
  const speech = readFileSync(SPEECH);
  const form = new Uint8Array(speechForm({ model: MODEL }, speech));
  const longForm = new Uint8Array(speechForm({ model: MODEL }, repeated(speech, REPEATS)));
  await using hub = await startFakeHub({ root: `${SHARED}/hub` });

  const { long, short } = await compareThroughput(hub.url, { long: longForm, short: form }, rounds);
  console.error(`throughput: ${long.ratio.toFixed(2)}, of short files ${short.ratio.toFixed(2)}`);
  const cycles = await loadAndUnload(hub.url);
  console.error(`memory: ${cycles.slope.toFixed(3)} MiB a cycle`);
  const kills = await killWhileLoaded(
    hub.url,
    new Uint8Array(speechForm({ model: MODEL }, readFileSync(SHORT_SPEECH))),
  );
  const success = kills.succeeded / kills.sent;
  const checks: [string, string, string, boolean][] = [
    ['throughput of 2 replicas beside 1', long.ratio.toFixed(2), `≥ ${GOAL_RATIO}`, long.ratio >= GOAL_RATIO],
    ['MiB of the gateway a load and unload', cycles.slope.toFixed(3), `≤ ${GOAL_SLOPE}`, cycles.slope <= GOAL_SLOPE],
    ['processes left by the loads', `${cycles.left}`, '0', cycles.left === 0],
    ['requests without an answer', `${kills.sent - kills.answered}`, '0', kills.sent === kills.answered],
    ['share of success under kills', success.toFixed(4), `≥ ${GOAL_SUCCESS}`, success >= GOAL_SUCCESS],
  ];
  return {
    name: 'replicas',
    pass: checks.every(([, , , met]) => met),
    figures: {
      'files of 66 s a second, 1 replica': round(long.one),
      'files of 66 s a second, 2 replicas': round(long.two),
      'files of 11 s a second, 1 replica': round(short.one),
      'files of 11 s a second, 2 replicas': round(short.two),
      'files of 11 s, 2 beside 1': round(short.ratio),
      'RSS MiB after 10 cycles': round(cycles.first),
      'RSS MiB after 50 cycles': round(cycles.last),
      'MiB a cycle': Number(cycles.slope.toFixed(3)),
      'workers killed': kills.killed,
      'requests under kills': kills.sent,
      'succeeded under kills': kills.succeeded,
      ...Object.fromEntries([...kills.codes].map(([code, count]) => [`answered ${code}`, count])),
      'longest answer under kills, s': round(kills.longestMs / 1000),
      rounds,
    },
    table: [
      ['', '', 'goal', ''],
      ...checks.map(([what, found, goal, met]) => [what, found, goal, met ? 'ok' : 'MISSED']),
    ],
  };
}

interface Gateway extends AsyncDisposable {
  server: ServerProcess;
  order(verb: 'load' | 'unload', body: object): Promise<void>;
  state(): Promise<AdminModel>;
  /** So many replicas serve. */
  ready(replicas: number): Promise<void>;
}

async function startGateway(hubUrl: string): Promise<Gateway> {
  const folder = await createGatewayFolder();
  const env = { ...folder.env, HF_ENDPOINT: hubUrl, CPU_THREADS_PER_REPLICA: '1', ADMIN_API_KEYS: ADMIN_KEY };
  const server = await startServer('./gateway-server.ts', { env });
  const path = `${server.url}/api/admin/models`;
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const state = async () => {
    const { data } = adminModelList.parse(await (await fetch(path, { headers })).json());
    const found = data.find(({ id }) => id === MODEL);
    if (found === undefined) throw new Error(`there is no model ${MODEL}`);
    return found;
  };
  return {
    server,
    state,
    async order(verb, body) {
      const response = await fetch(`${path}/${MODEL}/${verb}`, { method: 'POST', headers, body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`${verb}: ${response.status} ${await response.text()}`);
    },
    ready: (replicas) =>
      waitUntil(
        `${replicas} replicas`,
        async () => (await state()).replicas.filter(({ state }) => state === 'ready').length === replicas,
        { timeoutMs: 120_000, everyMs: 50 },
      ),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const onCpu = (replicas: number) => ({ gpu_device_ids: ['cpu'], replicas_per_gpu: replicas });

type Kind = keyof typeof REQUESTS_PER_ROUND;

/** Two gateways, asked in turn, so that whatever else the machine does hits both. */
async function compareThroughput(hubUrl: string, forms: Record<Kind, Uint8Array<ArrayBuffer>>, rounds: number) {
  await using one = await startGateway(hubUrl);
  await using two = await startGateway(hubUrl);
  const sides = { one: { gateway: one, replicas: 1 }, two: { gateway: two, replicas: 2 } };
  for (const { gateway, replicas } of Object.values(sides)) {
    await gateway.order('load', onCpu(replicas));
    await gateway.ready(replicas);
  }
  const compare = async (kind: Kind) => {
    const rates = { one: [] as number[], two: [] as number[] };
    // The first round warms up.
    for (let index = -1; index < rounds; index += 1) {
      for (const side of index % 2 === 0 ? (['one', 'two'] as const) : (['two', 'one'] as const)) {
        const startedAt = performance.now();
        await sendMany(sides[side].gateway.server.url, forms[kind], REQUESTS_PER_ROUND[kind]);
        if (index >= 0) rates[side].push((1000 * REQUESTS_PER_ROUND[kind]) / (performance.now() - startedAt));
      }
    }
    const ratio = median(rates.two.map((rate, index) => rate / (rates.one[index] ?? Number.NaN)));
    return { one: median(rates.one), two: median(rates.two), ratio };
  };
  return { long: await compare('long'), short: await compare('short') };
}

async function sendMany(url: string, form: Uint8Array<ArrayBuffer>, count: number): Promise<void> {
  const client = async () => {
    for (let left = count / CLIENTS; left > 0; left -= 1) {
      const { status, body } = await post(url, form);
      if (status !== 200) throw new Error(`answered ${status}: ${body}`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

async function loadAndUnload(hubUrl: string) {
  await using gateway = await startGateway(hubUrl);
  const { pid } = gateway.server;
  const before = childrenOf(pid).length;
  const resident: number[] = [];
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    await gateway.order('load', onCpu(1));
    await gateway.ready(1);
    await gateway.order('unload', { force: true });
    await gateway.ready(0);
    resident.push(memoryOf(pid).resident);
  }
  await sleep(500);
  const counted = resident.slice(WARM_UP_CYCLES);
  const left = childrenOf(pid).length - before;
  return { slope: slopeOf(counted), first: counted[0] ?? Number.NaN, last: counted.at(-1) ?? Number.NaN, left };
}

async function killWhileLoaded(hubUrl: string, form: Uint8Array<ArrayBuffer>) {
  await using gateway = await startGateway(hubUrl);
  await gateway.order('load', onCpu(2));
  await gateway.ready(2);
  const random = seededRandom(1);
  const found = { sent: 0, answered: 0, succeeded: 0, killed: 0, longestMs: 0, codes: new Map<string, number>() };
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      found.sent += 1;
      const startedAt = performance.now();
      const { status, body } = await post(gateway.server.url, form).catch(() => ({ status: 0, body: '' }));
      found.longestMs = Math.max(found.longestMs, performance.now() - startedAt);
      if (status !== 0) found.answered += 1;
      if (status === 200) found.succeeded += 1;
      else {
        const { error }: { error?: { code: string } } = JSON.parse(body || '{}');
        const code = error?.code ?? 'nothing';
        found.codes.set(code, (found.codes.get(code) ?? 0) + 1);
      }
    }
  };
  const clients = Promise.all(Array.from({ length: KILL_CLIENTS }, client));
  for (let second = 0; second < KILLING_SECONDS; second += 1) {
    await sleep(1000);
    const pids = (await gateway.state()).replicas.flatMap(({ pid }) => pid ?? []);
    const victim = pids[Math.floor(random() * pids.length)];
    if (victim === undefined) continue;
    try {
      process.kill(victim, 'SIGKILL');
      found.killed += 1;
    } catch {
      // It has just ended.
    }
  }
  isOver = true;
  await clients;
  return found;
}

async function post(url: string, form: Uint8Array<ArrayBuffer>): Promise<{ status: number; body: string }> {
  const headers = { authorization: AUTHORIZATION, 'content-type': FORM_TYPE };
  const response = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', headers, body: form });
  return { status: response.status, body: await response.text() };
}

/** A WAV whose audio comes so many times. */
function repeated(wav: Buffer, times: number): Buffer {
  const at = wav.indexOf('data') + 8;
  const head = Buffer.from(wav.subarray(0, at));
  const audio = wav.subarray(at);
  head.writeUInt32LE(at - 8 + times * audio.length, 4);
  head.writeUInt32LE(times * audio.length, at - 4);
  return Buffer.concat([head, ...Array.from({ length: times }, () => audio)]);
}

/** Least squares: growth from one value to the next. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const above = values.reduce((sum, value, index) => sum + (index - middle) * (value - mean), 0);
  return above / values.reduce((sum, _, index) => sum + (index - middle) ** 2, 0);
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
