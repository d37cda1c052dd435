/**
 * What the gateway adds to a request: the whole path (who may come in, upload, registry, worker process and back) to a
 * model that answers at once, against Express and multer taking the same upload. Each server has a process of its own,
 * the load comes from this one over kept connections, and rounds alternate so that whatever else the machine does hits
 * both. Then: how late the gateway's event loop is while its workers compute.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startFakeHub } from '../../support/fake-hub.ts';
import type { BenchReport } from '../report.ts';
import { countArgument } from './count-argument.ts';
import { AUTHORIZATION, createGatewayFolder, type GatewayFolder } from './gateway-folder.ts';
import type { LoopDelay } from './gateway-server.ts';
import { median } from './median.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { FORM_TYPE, speechForm } from './speech-form.ts';

/** Goals for what is added, and for the event loop, in milliseconds. */
const MAX_ADDED_P50 = { 1: 1, 16: 5 } as const;
const MAX_LOOP_DELAY_P99 = 20;
const CONCURRENCIES = [1, 16] as const;
const DEFAULT_ROUNDS = 15;
const REQUESTS_PER_ROUND = { 1: 100, 16: 320 } as const;
const SATURATED_MS = 8_000;
const SPINNING_REQUESTS = 16;
const SPIN_MS = 40;
const TRANSCRIPTIONS = 4;
const REAL_MODEL = 'zipformer-gigaspeech-3.3m';
// Not support/shared.ts's: that one imports vitest, which a benchmark runs without.
const SHARED = resolve(fileURLToPath(new URL('../../../../shared', import.meta.url)));
const SPEECH = join(SHARED, 'audio/speech/jfk.wav');
const hasShared = existsSync(SPEECH);
const agent = new Agent({ keepAlive: true });

/** `args`: the number of rounds. */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const rounds = countArgument(args, 'the number of rounds', DEFAULT_ROUNDS);
  const audio = hasShared ? readFileSync(SPEECH) : randomBytes(352_078);
  await using folder = await createGatewayFolder();
  // What others have this machine do is in every figure below.
  const [busyBefore = Number.NaN] = loadavg();
  const latency = await compareLatency(folder, audio, rounds);
  const loop = await watchSaturated(folder, audio);
  agent.destroy();

  const figures: BenchReport['figures'] = {};
  const table = [['', 'bare p50', 'p50', 'added p50', 'goal', 'usual added p50', 'usual added p99']];
  for (const concurrency of CONCURRENCIES) {
    const found = latency[concurrency];
    const { bareP50, p50, addedP50, usualAddedP50, usualAddedP99 } = found;
    figures[`added p50 ms, concurrency ${concurrency}`] = round(addedP50);
    figures[`usual added p50 ms, concurrency ${concurrency}`] = round(usualAddedP50);
    figures[`usual added p99 ms, concurrency ${concurrency}`] = round(usualAddedP99);
    figures[`processor ms per request, concurrency ${concurrency}`] = round(found.processorMs);
    figures[`processor ms per request, bare, concurrency ${concurrency}`] = round(found.bareProcessorMs);
    const cells = [bareP50, p50, addedP50, MAX_ADDED_P50[concurrency], usualAddedP50, usualAddedP99];
    table.push([`ms, ${concurrency} at a time`, ...cells.map((value) => value.toFixed(2))]);
  }
  table.push(['event-loop delay ms, p50', '', loop.p50.toFixed(2)]);
  table.push(['event-loop delay ms, p99', '', loop.p99.toFixed(2), '', MAX_LOOP_DELAY_P99.toFixed(2)]);
  table.push(['event-loop delay ms, largest', '', loop.max.toFixed(2)]);
  figures['event-loop delay p99 ms, workers saturated'] = round(loop.p99);
  figures['event-loop delay max ms, workers saturated'] = round(loop.max);
  figures['saturated by'] = hasShared ? 'echo and real transcriptions' : 'echo alone (no reference material)';
  figures['load average before'] = round(busyBefore);
  figures.rounds = rounds;
  const isFast = CONCURRENCIES.every((concurrency) => latency[concurrency].addedP50 <= MAX_ADDED_P50[concurrency]);
  return { name: 'gateway', pass: isFast && loop.p99 < MAX_LOOP_DELAY_P99, figures, table };
}

interface Latency {
  /** Of the quietest round: what the program takes, with as little as possible of what the machine's other work takes. */
  bareP50: number;
  p50: number;
  addedP50: number;
  /** Medians over the rounds. */
  usualAddedP50: number;
  usualAddedP99: number;
  /** Of the server's own process, its threads included: less at the mercy of what else the machine does. */
  processorMs: number;
  bareProcessorMs: number;
}

async function compareLatency(
  folder: GatewayFolder,
  audio: Buffer,
  rounds: number,
): Promise<Record<(typeof CONCURRENCIES)[number], Latency>> {
  const bareFolder = join(folder.dir, 'bare');
  await mkdir(bareFolder);
  await using gateway = await startServer('./gateway-server.ts', { env: folder.env });
  await using bare = await startServer('./bare-server.ts', { args: [bareFolder] });
  const body = speechForm({ model: 'fake/echo', response_format: 'json' }, audio);
  const servers = { gateway, bare };
  const measure = async (concurrency: (typeof CONCURRENCIES)[number]): Promise<Latency> => {
    const times = { gateway: [] as number[][], bare: [] as number[][] };
    const processor = { gateway: 0, bare: 0 };
    // The first rounds warm up and are not counted.
    for (let index = -2; index < rounds; index += 1) {
      const order = index % 2 === 0 ? (['gateway', 'bare'] as const) : (['bare', 'gateway'] as const);
      for (const side of order) {
        const { url, pid } = servers[side];
        const before = processorMsOf(pid);
        const found = await load(url, body, REQUESTS_PER_ROUND[concurrency], concurrency);
        if (index < 0) continue;
        processor[side] += processorMsOf(pid) - before;
        times[side].push(found);
      }
    }
    const of = (side: 'gateway' | 'bare', share: number) => times[side].map((found) => percentile(found, share));
    const added = (share: number) => {
      const without = of('bare', share);
      return median(of('gateway', share).map((value, index) => value - (without[index] ?? Number.NaN)));
    };
    const requests = rounds * REQUESTS_PER_ROUND[concurrency];
    const bareP50 = Math.min(...of('bare', 0.5));
    const p50 = Math.min(...of('gateway', 0.5));
    return {
      bareP50,
      p50,
      addedP50: p50 - bareP50,
      usualAddedP50: added(0.5),
      usualAddedP99: added(0.99),
      processorMs: processor.gateway / requests,
      bareProcessorMs: processor.bare / requests,
    };
  };
  return { 1: await measure(1), 16: await measure(16) };
}

async function watchSaturated(folder: GatewayFolder, audio: Buffer): Promise<LoopDelay> {
  await using hub = await startFakeHub(hasShared ? { root: join(SHARED, 'hub') } : {});
  await using gateway = await startServer('./gateway-server.ts', { env: { ...folder.env, HF_ENDPOINT: hub.url } });
  const spinning = speechForm({ model: 'fake/echo', prompt: `spin:${SPIN_MS}` }, audio);
  const speech = speechForm({ model: REAL_MODEL }, audio);
  // Loads the models before the watch begins.
  await post(gateway.url, spinning);
  if (hasShared) await post(gateway.url, speech);
  let isOver = false;
  const keepBusy = async (body: Buffer) => {
    while (!isOver) await post(gateway.url, body);
  };
  gateway.child.send('watch');
  const busy = [
    ...Array.from({ length: SPINNING_REQUESTS }, () => keepBusy(spinning)),
    ...Array.from({ length: hasShared ? TRANSCRIPTIONS : 0 }, () => keepBusy(speech)),
  ];
  await new Promise((done) => setTimeout(done, SATURATED_MS));
  const found = await ask(gateway, 'tell');
  isOver = true;
  await Promise.all(busy);
  return found;
}

async function ask(server: ServerProcess, question: string): Promise<LoopDelay> {
  const answer = once(server.child, 'message');
  server.child.send(question);
  const [message]: LoopDelay[] = await answer;
  if (message === undefined) throw new Error('the server told nothing');
  return message;
}

/** Milliseconds of each request, `concurrency` at a time. */
async function load(url: string, body: Buffer, count: number, concurrency: number): Promise<number[]> {
  const times: number[] = [];
  const client = async () => {
    for (let left = count / concurrency; left > 0; left -= 1) {
      const startedAt = performance.now();
      await post(url, body);
      times.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  return times;
}

/** @throws unless the answer is 200. */
function post(url: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: AUTHORIZATION, 'content-type': FORM_TYPE, 'content-length': body.length };
    const sent = request(`${url}/v1/audio/transcriptions`, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.once('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`answered ${response.statusCode}: ${text}`));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** User and system time of a process, counted by Linux in hundredths of a second. */
function processorMsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Counted from behind the name, which may hold anything: utime is field 14, stime field 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
