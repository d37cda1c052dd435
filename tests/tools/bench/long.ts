/**
 * Whisper on hours of audio, through a worker as the gateway starts it: memory beyond the weights, time, order, how soon
 * a cancel is over; and whether a run stopped in the middle and gone on with by another process ends the same.
 *
 * Weights are random, so is the text: a fixed temperature spares the six attempts that random text would always take,
 * the number of tokens is what the model makes of it (224 a window at most).
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TranscriptionResult } from '../../../backend/src/contract/transcription.ts';
import type { Logger } from '../../../backend/src/logger.ts';
import { DEFAULT_MODEL_LIST } from '../../../backend/src/models/load-model-list.ts';
import { VAD_FILE } from '../../../backend/src/models/whisper/definition.ts';
import { WorkerProcess } from '../../../backend/src/worker/worker-process.ts';
import { childrenOf } from '../../support/processes.ts';
import { hasShared, shared } from '../../support/shared.ts';
import { UsageError } from '../command-line.ts';
import type { BenchReport } from '../report.ts';
import { writeLongAudio } from './long-audio.ts';
import { LONG_MODEL, LONG_VAD, writeLongModel } from './long-model.ts';
import type { LongReply, LongTask } from './long-protocol.ts';
import { memoryOf, resetPeak } from './process-memory.ts';
import { processorTicks, untilIdle } from './until-idle.ts';

const DEFAULT_HOURS = 3;
/** Goals: MiB of the worker beyond what it takes when loaded, seconds from a cancel to the request's end. */
const MAX_GROWTH_MIB = 300;
const MAX_CANCEL_SECONDS = 2;
const COURSE = [0.01, 0.1, 0.5, 1];
/** Probabilities of a window depend, in the last digits, on the windows it shares a batch with. */
const ROUNDING = 1e-4;
const OPTIONS = { temperature: 0.5 };
/** Seconds into a run at which it is cancelled: while the first window is decoded, and in full batches. */
const CANCEL_AT = [0.3, 2, 5];

/** `args`: hours, then `tiny` for the real size. */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const { hours, shape } = readArguments(args);
  const report: BenchReport = { name: 'long', pass: true, figures: {}, table: [] };
  if (!hasShared) {
    console.error('NOT MEASURED: the benchmark needs the recordings and the detector at ../shared, which is not here.');
    report.figures.measured = 'NOTHING: ../shared is not here';
    return report;
  }
  const folder = await mkdtemp(join(tmpdir(), 'audio-gateway-bench-'));
  try {
    const model = join(folder, 'model');
    const audio = join(folder, 'audio.flac');
    await writeLongModel(model, shape);
    await writeLongAudio(audio, hours * 3600);
    report.figures.hours = hours;
    report.figures['load average at the start'] = round(loadavg()[0] ?? Number.NaN, 2);
    const worker = await measureWorker({ model, audio, folder });
    const task: LongTask = { model, vad: shared(LONG_VAD, VAD_FILE), audio, folder, options: OPTIONS };
    const stopped = await startChild({ ...task, stopAt: (hours * 3600) / 2 });
    const rest = await startChild(task);
    judge(report, hours * 3600, worker, stopped, rest);
    return report;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function readArguments(args: readonly string[]): { hours: number; shape: 'tiny' | undefined } {
  const [first, ...more] = args.filter((argument) => argument !== 'tiny');
  const hours = first === undefined ? DEFAULT_HOURS : Number(first);
  if (more.length > 0 || !(hours > 0)) throw new UsageError(`Arguments: [HOURS] [tiny]; not '${args.join(' ')}'`);
  return { hours, shape: args.includes('tiny') ? 'tiny' : undefined };
}

interface WorkerFigures {
  seconds: number;
  loadedMib: number;
  growthMib: number;
  /** In the course of the run, evenly spaced: what grows with the length shows here. */
  courseMib: number[];
  result: TranscriptionResult;
  cancels: Cancelled[];
}

interface Cancelled {
  /** Seconds from the cancel to the request's end, and to the worker computing nothing any more. */
  rejected: number;
  idle: number;
  /** Child processes it left. */
  children: number;
}

async function measureWorker(paths: { model: string; audio: string; folder: string }): Promise<WorkerFigures> {
  const worker = new WorkerProcess({
    hungAfterMs: 600_000,
    loadTimeoutMs: 600_000,
    load: {
      modelListUrl: DEFAULT_MODEL_LIST,
      modelId: LONG_MODEL,
      maxBatch: undefined,
      dtype: 'int8',
      snapshotDir: paths.model,
      auxiliaryDirs: { vad: shared(LONG_VAD) },
      derivedDir: join(paths.model, 'derived'),
      device: 'cpu',
      threads: 2,
      ffmpegPath: 'ffmpeg',
      ffprobePath: 'ffprobe',
    },
    environment: { PATH: process.env.PATH ?? '' },
    log: QUIET,
  });
  try {
    await worker.ready;
    const pid = worker.pid ?? Number.NaN;
    const loadedMib = memoryOf(pid).resident;
    resetPeak(pid);
    const start = (): ReturnType<WorkerProcess['run']> =>
      worker.run({
        input: { audioPath: paths.audio, limits: { maxSeconds: 1e6, maxDecodedBytes: 1e12 } },
        params: { ...OPTIONS, words: false },
        onEvent: () => {},
      });
    const cancels: Cancelled[] = [];
    for (const seconds of CANCEL_AT) cancels.push(await measureCancel(start(), pid, seconds));
    const samples: number[] = [];
    const sampler = setInterval(() => samples.push(memoryOf(pid).resident), 200);
    const startedAt = performance.now();
    const result = (await start().result) as TranscriptionResult;
    const seconds = (performance.now() - startedAt) / 1000;
    clearInterval(sampler);
    // The kernel's own high-water mark; samples stand in where it cannot be reset.
    const peak = Math.max(memoryOf(pid).peak ?? 0, ...samples);
    const courseMib = COURSE.map(
      (part) => (samples[Math.floor(part * (samples.length - 1))] ?? Number.NaN) - loadedMib,
    );
    return { seconds, loadedMib, growthMib: peak - loadedMib, courseMib, result, cancels };
  } finally {
    worker.kill();
    await worker.exited;
  }
}

async function measureCancel(
  { result, cancel }: ReturnType<WorkerProcess['run']>,
  pid: number,
  seconds: number,
): Promise<Cancelled> {
  const settled = result.then(
    () => 'result' as const,
    () => 'rejected' as const,
  );
  await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, 1000 * seconds))]);
  const cancelledAt = performance.now();
  cancel();
  // A file that was over before is no measure of a cancel, and cannot hold it up either.
  await settled;
  const rejected = (performance.now() - cancelledAt) / 1000;
  const idle = ((await untilIdle(() => processorTicks(pid))) - cancelledAt) / 1000;
  return { rejected, idle: Math.max(rejected, idle), children: childrenOf(pid).length };
}

async function startChild(task: LongTask): Promise<LongReply> {
  const script = fileURLToPath(new URL('./long-child.ts', import.meta.url));
  const child = fork(script, [JSON.stringify(task)], { serialization: 'advanced', execArgv: [] });
  const early = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`long-child.ts ended early (${code ?? signal})`);
  });
  early.catch(() => {});
  const [reply]: LongReply[] = await Promise.race([once(child, 'message'), early]);
  child.disconnect();
  if (reply === undefined) throw new Error('long-child.ts said nothing');
  return reply;
}

function judge(
  report: BenchReport,
  seconds: number,
  { result, cancels, ...worker }: WorkerFigures,
  stopped: LongReply,
  rest: LongReply,
): void {
  const rejected = Math.max(...cancels.map((cancel) => cancel.rejected));
  const disorders = countDisorders(result.segments, seconds);
  const windowDisorders = countDisorders(
    rest.spans.map(([start, end]) => ({ start, end })),
    seconds,
  );
  const difference = differenceOf(result, rest.result);
  Object.assign(report.figures, {
    'load average at the end': round(loadavg()[0] ?? Number.NaN, 2),
    windows: rest.spans.length,
    segments: result.segments.length,
    characters: result.text.length,
    'wall seconds': round(worker.seconds, 1),
    'times real time': round(seconds / worker.seconds, 1),
    'RSS when loaded MiB': round(worker.loadedMib, 0),
    'RSS beyond that at most MiB': round(worker.growthMib, 1),
    'RSS beyond that at 1, 10, 50, 100 % of the run': worker.courseMib
      .map((mebibytes) => mebibytes.toFixed(0))
      .join(' '),
    'cancel: request rejected after s, at most': round(rejected, 3),
    'cancel: worker idle after s, at most': round(Math.max(...cancels.map(({ idle }) => idle)), 3),
    'state stored at half of the file, bytes': rest.storedBytes,
    'decoding to the PCM file and first half, s': round(stopped.seconds, 1),
    'second half, s': round(rest.seconds, 1),
    'difference between numbers of the whole and the resumed run': difference,
  });
  const checks: [string, string, string, boolean][] = [
    [
      'memory beyond the weights, MiB',
      `< ${MAX_GROWTH_MIB}`,
      worker.growthMib.toFixed(0),
      worker.growthMib < MAX_GROWTH_MIB,
    ],
    ['duration as made, s', seconds.toFixed(2), result.duration.toFixed(2), Math.abs(result.duration - seconds) < 0.01],
    [
      'segments out of order or outside of the file',
      '0',
      `${disorders}`,
      disorders === 0 && result.segments.length > 0,
    ],
    ['windows out of order or overlapping', '0', `${windowDisorders}`, windowDisorders === 0 && rest.spans.length > 0],
    ['cancel to rejection, s', `< ${MAX_CANCEL_SECONDS}`, rejected.toFixed(2), rejected < MAX_CANCEL_SECONDS],
    [
      'processes left by a cancel',
      '0',
      `${sum(cancels.map(({ children }) => children))}`,
      cancels.every(({ children }) => children === 0),
    ],
    [
      'gone on at half: difference from the whole',
      `<= ${ROUNDING}`,
      difference.toExponential(1),
      difference <= ROUNDING,
    ],
  ];
  report.table = [
    ['what', 'goal', 'measured', ''],
    ...checks.map(([what, goal, made, met]) => [what, goal, made, met ? 'ok' : 'MISSED']),
  ];
  report.pass = checks.every(([, , , met]) => met);
}

/** Spans that begin before the one before ends, end before they begin, or lie outside of [0, seconds]. */
function countDisorders(spans: readonly { start: number; end: number }[], seconds: number): number {
  return spans.filter(({ start, end }, i) => {
    const before = spans[i - 1]?.end ?? 0;
    return !(start >= before && end >= start && end <= seconds + 0.001);
  }).length;
}

/** The largest difference between two numbers at the same place; infinite where anything else differs. */
function differenceOf(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return Math.abs(left - right);
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return left === right ? 0 : Number.POSITIVE_INFINITY;
  }
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return Number.POSITIVE_INFINITY;
  const others = right as Record<string, unknown>;
  return Object.entries(left).reduce((most, [name, value]) => Math.max(most, differenceOf(value, others[name])), 0);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

const QUIET: Logger = { debug() {}, info() {}, warn: console.error, error: console.error, child: () => QUIET };
