/** A day of a gateway on a fake DGX with real workers: what happens, and whether the accounts are right in the end. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFakeDgx, type FakeDgx } from '../../support/fake-dgx.ts';
import { FAILURES, type FakeAllocation } from '../../support/fake-nvidia-smi/scenario.ts';
import { GPU_MODELS, type GpuModel, putGpuModel } from '../../support/gpu-models.ts';
import { childrenOf } from '../../support/processes.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { createGatewayFolder } from '../bench/gateway-folder.ts';
import type { BenchReport } from '../report.ts';
import { differenceOf, type Settled, settle } from './accounting.ts';
import { type Callers, startCallers } from './callers.ts';
import { type Answer, logOf, type Operator, operatorOf, startGateway } from './gateway.ts';
import { type DayEvent, scriptOf } from './script.ts';
import { watchStops } from './watch-stops.ts';

export interface DayOptions {
  events: number;
  seed: number;
  /** The driver tells no process: memory is attributed by what a device's use grows and falls by. */
  hidesProcesses: boolean;
  say(line: string): void;
}

/** Two or three fit on a card of 143,771 MiB. */
const SIZES_MIB = [60_000, 50_000, 55_000, 40_000, 65_000, 45_000, 70_000, 30_000];
const RESIDUE_MIB = 256;
const CHECK_EVERY = 20;
/** Events until what was taken away is there again. */
const OUTAGE_EVENTS = 3;
const LONG_MS = 1_500;

interface Day {
  dgx: FakeDgx;
  operator: Operator;
  callers: Callers;
  /** Models whose replicas are being ended whatever runs in them, on an operator's word. */
  forced: Set<string>;
  count(what: string): void;
}

export async function runDay({ events, seed, hidesProcesses, say }: DayOptions): Promise<BenchReport> {
  const childrenBefore = new Set(childrenOf(process.pid));
  const startedAt = performance.now();
  const random = seededRandom(seed);
  const script = scriptOf(events, random);
  const dgx = await createFakeDgx();
  await using folder = await createGatewayFolder();
  await dgx.change((scenario) => {
    scenario.hides_processes = hidesProcesses;
    // As other programs leave them.
    for (const gpu of scenario.gpus) gpu.memory_used_mib += 100 * gpu.index;
  });
  for (const [index, model] of GPU_MODELS.entries()) {
    const mib = SIZES_MIB[index] ?? 0;
    await putGpuModel(folder.env.MODEL_CACHE_DIR ?? '', model, { allocations: dgx.allocations, mib });
  }
  const app = await startGateway(folder, dgx);
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  const forced = new Set<string>();
  const stops = watchStops(app.registry, forced);
  const day = { dgx, operator: operatorOf(app.url), callers: startCallers(app.url), forced, count };
  const checks: Settled[] = [];
  const check = async (after: number) => {
    await day.callers.done();
    const settled = await settle(dgx, day.operator);
    checks.push(settled);
    say(`${after} of ${events} events, ${day.callers.sent} requests: ${inWords(settled)}`);
  };
  let log = '';
  try {
    const ends = new Map<number, () => Promise<void>>();
    for (const [index, event] of script.entries()) {
      await ends.get(index)?.();
      ends.delete(index);
      const end = await happen(event, day);
      if (end !== undefined) {
        // A second outage of a kind ends the first one: what was taken is given back as it was.
        const at = index + OUTAGE_EVENTS;
        const other = ends.get(at);
        ends.set(at, async () => {
          await other?.();
          await end();
        });
      }
      await sleep(300 * random());
      if ((index + 1) % CHECK_EVERY === 0 && index + 1 < script.length) {
        for (const end of ends.values()) await end();
        ends.clear();
        await check(index + 1);
      }
    }
    for (const end of ends.values()) await end();
    await check(script.length);
  } finally {
    stops.end();
    await app.close();
    log = await readFile(logOf(folder), 'utf8').catch(() => '');
    await dgx.remove();
  }
  const left = childrenOf(process.pid).filter((pid) => !childrenBefore.has(pid));
  const { outcomes, sent } = day.callers;
  return report({
    ...{ seed, script, checks, counts, outcomes, sent, left: left.length },
    seconds: (performance.now() - startedAt) / 1000,
    evictedBusy: stops.busy,
    evictions: log.split('replica unloaded to make room').length - 1,
  });
}

function inWords({ accounts, restless }: Settled): string {
  const wrong = accounts.filter((account) => differenceOf(account) !== 0);
  const differences = wrong.map((account) => `GPU ${account.gpu} differs by ${differenceOf(account)} MiB`);
  return [...differences, ...restless].join(', ') || 'accounts agree';
}

/** @returns what ends it, of that which lasts. */
async function happen(event: DayEvent, day: Day): Promise<(() => Promise<void>) | undefined> {
  const { dgx, operator, callers, forced, count } = day;
  const ordered = (answer: Answer) => count(`${event.kind}: ${answer.code ?? 'done'}`);
  switch (event.kind) {
    case 'load': {
      const { gpus, replicas, keepAlive } = event;
      const order = { gpu_device_ids: gpus, replicas_per_gpu: replicas, keep_alive: keepAlive };
      ordered(await operator.post(event.model, 'load', order));
      return undefined;
    }
    case 'keep_alive': {
      const placement = (await operator.models()).find(({ id }) => id === event.model)?.placement;
      if (!placement) count('keep_alive: no order to change');
      else {
        const order = { gpu_device_ids: placement.devices, replicas_per_gpu: placement.replicas_per_device };
        ordered(await operator.post(event.model, 'load', { ...order, keep_alive: event.keepAlive }));
      }
      return undefined;
    }
    case 'requests':
      for (let n = 0; n < event.count; n += 1) callers.send(event.model, 'sleep:30');
      break;
    case 'long requests':
      for (let n = 0; n < event.count; n += 1) callers.send(event.model, `sleep:${LONG_MS}`);
      break;
    case 'last request':
      callers.send(event.model, 'sleep:30', { keep_alive: '0' });
      break;
    case 'out of memory':
      callers.send(event.model, 'sleep:200');
      callers.send(event.model, 'oom');
      break;
    case 'unload':
    case 'reload': {
      const isForced = event.kind === 'reload' || event.force;
      if (isForced) forced.add(event.model);
      ordered(await operator.post(event.model, event.kind, isForced && event.kind === 'unload' ? { force: true } : {}));
      forced.delete(event.model);
      return undefined;
    }
    case 'GPU lost': {
      const set = (vanished: boolean) =>
        dgx.change(({ gpus }) => {
          const gpu = gpus[event.gpu];
          if (gpu !== undefined) gpu.vanished = vanished;
        });
      await set(true);
      count('GPU lost: done');
      return () => set(false);
    }
    case 'driver fails':
      await dgx.change((scenario) => {
        scenario.failure = FAILURES.unknownError;
      });
      count('driver fails: done');
      return () =>
        dgx.change((scenario) => {
          scenario.failure = null;
        });
    case 'worker killed':
      return toWorker(event, day, (pid) => process.kill(pid, 'SIGKILL'));
    case 'worker hangs':
      return toWorker(event, day, (pid) => {
        callers.send(event.model, 'sleep:100');
        process.kill(pid, 'SIGSTOP');
      });
    case 'residue':
      return toWorker(event, day, async (pid) => {
        const file = join(dgx.allocations, `${pid}.json`);
        const allocation: FakeAllocation = JSON.parse(await readFile(file, 'utf8'));
        await writeFile(file, JSON.stringify({ ...allocation, residue_mib: RESIDUE_MIB }));
        ordered(await operator.post(event.model, 'unload', {}));
      });
  }
  count(`${event.kind}: sent`);
  return undefined;
}

/** To a worker of the model, which is loaded first where it is not. */
async function toWorker(
  event: DayEvent & { model: GpuModel },
  { operator, callers, count }: Day,
  act: (pid: number) => unknown,
): Promise<undefined> {
  const find = async () => {
    const model = (await operator.models()).find(({ id }) => id === event.model);
    return model?.replicas.find(({ state }) => state === 'ready')?.pid ?? undefined;
  };
  let pid = await find();
  if (pid === undefined) {
    callers.send(event.model, '');
    const appears = async () => {
      pid = await find();
      return pid !== undefined;
    };
    await waitUntil('a worker', appears, { timeoutMs: 5_000, everyMs: 100 }).catch(() => {});
  }
  if (pid === undefined) {
    count(`${event.kind}: no worker`);
    return;
  }
  try {
    await act(pid);
  } catch (error) {
    if (!hasEnded(error)) throw error;
    count(`${event.kind}: no worker`);
    return;
  }
  if (event.kind !== 'residue') count(`${event.kind}: done`);
}

/** Of a signal to a process, or of the file it kept: by itself, before it was its turn. */
function hasEnded(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'ENOENT');
}

function report(made: {
  seed: number;
  script: readonly DayEvent[];
  checks: readonly Settled[];
  counts: ReadonlyMap<string, number>;
  outcomes: Callers['outcomes'];
  sent: number;
  left: number;
  seconds: number;
  evictedBusy: readonly string[];
  evictions: number;
}): BenchReport {
  const { outcomes, sent } = made;
  const wrong = outcomes.filter(({ isWrong }) => isWrong);
  const codes = [...new Set(outcomes.flatMap(({ code }) => code ?? []))].sort();
  const accounts = made.checks.flatMap((check) => check.accounts);
  const restless = made.checks.flatMap((check) => check.restless);
  const unequal = accounts.filter((account) => differenceOf(account) !== 0);
  const verdicts: [string, number][] = [
    [`accounts that differ from the driver's, of ${accounts.length}`, unequal.length],
    ['replicas that start or end and never get there', restless.length],
    ['busy replicas ended', made.evictedBusy.length],
    ['requests without an answer', sent - outcomes.length],
    ['answers that are wrong', wrong.length],
    ['processes left', made.left],
  ];
  return {
    name: 'dgx-day',
    pass: verdicts.every(([, found]) => found === 0) && accounts.length > 0,
    figures: {
      seed: made.seed,
      events: made.script.length,
      ...Object.fromEntries([...made.counts].sort()),
      evictions: made.evictions,
      requests: sent,
      'answered 200': outcomes.filter(({ code }) => code === undefined).length,
      ...Object.fromEntries(
        codes.map((code) => [`answered ${code}`, outcomes.filter((one) => one.code === code).length]),
      ),
      'MiB that never came back, reported':
        made.checks.at(-1)?.accounts.reduce((sum, { residue }) => sum + residue, 0) ?? 0,
      seconds: Math.round(made.seconds),
    },
    table: [
      ['', 'count', ''],
      ...verdicts.map(([what, found]) => [what, `${found}`, found === 0 ? 'ok' : 'MISSED']),
      ...unequal.map((account) => [
        `GPU ${account.gpu}: ${JSON.stringify(account)}`,
        `${differenceOf(account)}`,
        'MiB',
      ]),
      ...restless.map((what) => [what, '', '']),
      ...made.evictedBusy.map((replica) => [replica, '', 'ended while busy']),
      ...wrong.map(({ model, prompt, code }) => [`${model} '${prompt}'`, '', code ?? 'another text']),
    ],
  };
}
