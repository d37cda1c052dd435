/**
 * What windows of several requests gain from sharing a batch, and what a short request waits for while a long file runs:
 * Whisper of the tiny shape in workers as the gateway starts them, with `max_batch` 1, 4 (the catalog's) and 8, the same
 * files, rounds alternating. Once with the decoder in 8 bits, a CPU's default, and once in float32, where a token's cost is more
 * the reading of weights that a batch shares.
 *
 * Weights are random, so is the text: a fixed temperature spares the six attempts that random text would always take.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../../backend/src/logger.ts';
import { WorkerProcess } from '../../../backend/src/worker/worker-process.ts';
import { hasShared, shared } from '../../support/shared.ts';
import type { BenchReport } from '../report.ts';
import { idOf, MAX_BATCHES, type MaxBatch } from './batching-models.ts';
import { countArgument } from './count-argument.ts';
import { writeLongAudio } from './long-audio.ts';
import { LONG_VAD, writeLongModel } from './long-model.ts';
import { median } from './median.ts';
import { processorTicks } from './until-idle.ts';

const CONCURRENCY = 16;
/** Throughput with batches relative to that without. */
const REQUIRED_RATIO = 1.5;
/** Of a short request beside a long file with the catalog's `max_batch`: median, in windows of the long file. */
const MAX_WINDOWS = 2;
const CATALOG_BATCH = 4;
const DEFAULT_ROUNDS = 3;
const DTYPES = ['int8', 'fp32'] as const;
/** Written per window: what 20 s of speech have, and the limit, to which random weights write. */
const TOKENS = { speech: 64, limit: 224 } as const;
const LONG_SECONDS = 450;
/** Short requests sent while a long file runs, and the pause before each in milliseconds: at any point of a pass. */
const PROBES = 8;
const pauseBefore = (probe: number): number => 50 + 300 * probe;
const HEADER = [
  'weights, max_batch',
  'requests/s',
  'long window ms',
  'short alone ms',
  'short beside ms',
  'worst ms',
  'windows',
  'worst windows',
];
/** One window each. */
const CLIPS = ['jfk.wav', 'leopard-en.wav', 'leopard-de.wav', 'leopard-es.wav', 'leopard-fr.wav', 'leopard-ja.wav'];
const PARAMS = { temperature: 0.5, language: 'en', words: false };

/** `args`: rounds, then the weights to measure (`fp32`). */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const dtypes = DTYPES.filter((dtype) => args.includes(dtype));
  const rounds = countArgument(
    args.filter((argument) => !DTYPES.some((dtype) => dtype === argument)),
    'the number of rounds',
    DEFAULT_ROUNDS,
  );
  const report: BenchReport = { name: 'batching', pass: true, figures: {}, table: [HEADER] };
  if (!hasShared) {
    console.error('NOT MEASURED: the benchmark needs the recordings and the detector at ../shared, which is not here.');
    report.figures.measured = 'NOTHING: ../shared is not here';
    return report;
  }
  const folder = await mkdtemp(join(tmpdir(), 'audio-gateway-bench-'));
  try {
    const model = join(folder, 'model');
    const long = join(folder, 'long.flac');
    await writeLongModel(model, 'tiny');
    await writeLongAudio(long, LONG_SECONDS);
    report.figures.rounds = rounds;
    for (const dtype of dtypes.length > 0 ? dtypes : DTYPES) {
      report.figures[`${dtype}: load average`] = round(loadavg()[0] ?? Number.NaN, 1);
      await addDtype(report, { model, dtype, long, rounds });
    }
    return report;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface Task {
  model: string;
  dtype: string;
  long: string;
  rounds: number;
}

async function addDtype(report: BenchReport, { model, dtype, long, rounds }: Task): Promise<void> {
  await withWorkers({ model, dtype, tokens: TOKENS.limit }, async (workers) =>
    addThroughput(report, `${dtype}, ${TOKENS.limit} tokens`, await measureThroughput(workers, rounds)),
  );
  await withWorkers({ model, dtype, tokens: TOKENS.speech }, async (workers) => {
    const throughput = await measureThroughput(workers, rounds);
    addThroughput(report, `${dtype}, ${TOKENS.speech} tokens`, throughput);
    const waits = new Map<MaxBatch, Waits>();
    for (const [maxBatch, worker] of workers) waits.set(maxBatch, await measureWaits(worker, long));
    addWaits(report, dtype, throughput, waits);
  });
}

interface WorkerTask {
  model: string;
  dtype: string;
  tokens: number;
}

async function withWorkers(
  task: WorkerTask,
  use: (workers: Map<MaxBatch, WorkerProcess>) => Promise<void>,
): Promise<void> {
  const workers = new Map<MaxBatch, WorkerProcess>();
  try {
    for (const maxBatch of MAX_BATCHES) workers.set(maxBatch, await startWorker(maxBatch, task));
    await use(workers);
  } finally {
    for (const worker of workers.values()) {
      worker.kill();
      await worker.exited;
    }
  }
}

async function startWorker(maxBatch: MaxBatch, { model, dtype, tokens }: WorkerTask): Promise<WorkerProcess> {
  const worker = new WorkerProcess({
    hungAfterMs: 600_000,
    loadTimeoutMs: 600_000,
    load: {
      maxBatch,
      modelListUrl: new URL('./batching-models.ts', import.meta.url).href,
      modelId: idOf(maxBatch),
      dtype,
      snapshotDir: model,
      auxiliaryDirs: { vad: shared(LONG_VAD) },
      derivedDir: join(model, 'derived'),
      device: 'cpu',
      threads: 2,
      ffmpegPath: 'ffmpeg',
      ffprobePath: 'ffprobe',
    },
    environment: { PATH: process.env.PATH ?? '', BENCH_WINDOW_TOKENS: String(tokens) },
    log: QUIET,
  });
  await worker.ready;
  return worker;
}

interface Answer {
  seconds: number;
  text: string;
  windows: number;
}

/** `left` aborts where the answer is not wanted any more; then it rejects. */
async function transcribe(
  worker: WorkerProcess,
  audioPath: string,
  onWindow = () => {},
  left?: AbortSignal,
): Promise<Answer> {
  const startedAt = performance.now();
  let windows = 0;
  const { result, cancel } = worker.run({
    // Windows are told of to those who may resume.
    input: { audioPath, limits: { maxSeconds: 1e6, maxDecodedBytes: 1e12 }, resume: {} },
    params: PARAMS,
    onEvent: ({ type }) => {
      if (type !== 'window') return;
      windows += 1;
      onWindow();
    },
  });
  left?.addEventListener('abort', cancel, { once: true });
  const answer = await result;
  const text = 'text' in answer ? answer.text : '';
  return { seconds: (performance.now() - startedAt) / 1000, text, windows };
}

const clip = (index: number): string => shared('audio/speech', CLIPS[index % CLIPS.length] ?? '');

interface Taken {
  /** For all requests. */
  seconds: number;
  /** Of the processor, ffmpeg left out: steadier where other work shares the machine. */
  ticks: number;
}

interface Throughput {
  /** By round. */
  taken: Map<MaxBatch, Taken[]>;
  /** Of the requests, those whose text is the same in both workers, in percent. */
  sameText: number;
}

async function measureThroughput(workers: Map<MaxBatch, WorkerProcess>, rounds: number): Promise<Throughput> {
  const taken = new Map(MAX_BATCHES.map((maxBatch): [MaxBatch, Taken[]] => [maxBatch, []]));
  const texts = new Map<MaxBatch, string[]>();
  // The first round warms up and is not counted.
  for (let index = -1; index < rounds; index += 1) {
    const order = index % 2 === 0 ? [...workers] : [...workers].toReversed();
    for (const [maxBatch, worker] of order) {
      const pid = worker.pid ?? Number.NaN;
      const [startedAt, ticks] = [performance.now(), processorTicks(pid)];
      const answers = await Promise.all(Array.from({ length: CONCURRENCY }, (_, at) => transcribe(worker, clip(at))));
      const seconds = (performance.now() - startedAt) / 1000;
      if (answers.some(({ windows }) => windows !== 1)) throw new Error('a clip is not one window');
      texts.set(
        maxBatch,
        answers.map(({ text }) => text),
      );
      if (index >= 0) taken.get(maxBatch)?.push({ seconds, ticks: processorTicks(pid) - ticks });
      console.error(`round ${index + 1} of ${rounds}, max_batch ${maxBatch}: ${seconds.toFixed(2)} s`);
    }
  }
  const others = texts.get(8) ?? [];
  const same = (texts.get(1) ?? []).filter((text, at) => text === others[at]).length;
  return { taken, sameText: (100 * same) / CONCURRENCY };
}

interface Waits {
  /** Seconds that a window of the long file takes, nothing else being asked. */
  window: number;
  /** Seconds of the short request alone, and beside the long file. */
  alone: number;
  beside: number[];
}

async function measureWaits(worker: WorkerProcess, long: string): Promise<Waits> {
  const alone = [];
  for (let probe = 0; probe < PROBES; probe += 1) alone.push((await transcribe(worker, clip(0))).seconds);
  const whole = await transcribe(worker, long);
  const beside: number[] = [];
  while (beside.length < PROBES) beside.push(...(await probeBeside(worker, long, beside.length)));
  const window = whole.seconds / whole.windows;
  console.error(
    `long window ${window.toFixed(2)} s; short ones beside it ${beside.map((taken) => taken.toFixed(2))} s`,
  );
  return { window, alone: median(alone), beside };
}

/** Short requests, one after another, as long as the long file runs. */
async function probeBeside(worker: WorkerProcess, long: string, probed: number): Promise<number[]> {
  const left = new AbortController();
  const started = Promise.withResolvers<void>();
  let running = true;
  let windows = 0;
  // Bursts of 1, 2 and 4 windows are over: whole batches come now.
  const onWindow = () => {
    windows += 1;
    if (windows === 7) started.resolve();
  };
  const settle = () => {
    running = false;
  };
  const ended = transcribe(worker, long, onWindow, left.signal).then(settle, settle);
  await Promise.race([started.promise, ended]);
  if (!running) throw new Error('the long file is over before whole batches came');
  const seconds: number[] = [];
  while (probed + seconds.length < PROBES) {
    await new Promise((resolve) => setTimeout(resolve, pauseBefore(probed + seconds.length)));
    if (!running) break;
    seconds.push((await transcribe(worker, clip(0))).seconds);
  }
  left.abort();
  await ended;
  return seconds;
}

function addThroughput(report: BenchReport, of: string, { taken, sameText }: Throughput): void {
  const ratio = ratioOf(taken, ({ seconds }) => seconds);
  if (!(ratio >= REQUIRED_RATIO)) report.pass = false;
  report.figures[`${of}: throughput with max_batch 8 relative to 1 (goal ${REQUIRED_RATIO})`] = round(ratio, 2);
  report.figures[`${of}: the same by processor time`] = round(
    ratioOf(taken, ({ ticks }) => ticks),
    2,
  );
  report.figures[`${of}: requests with the same text in both, %`] = round(sameText, 0);
}

function addWaits(report: BenchReport, dtype: string, { taken }: Throughput, waits: Map<MaxBatch, Waits>): void {
  for (const [maxBatch, { window, alone, beside }] of waits) {
    const worst = Math.max(...beside);
    const windows = median(beside) / window;
    if (maxBatch === CATALOG_BATCH) {
      report.figures[`${dtype}: a short request beside a long file, in windows (goal ${MAX_WINDOWS})`] = round(
        windows,
        2,
      );
      if (!(windows <= MAX_WINDOWS)) report.pass = false;
    }
    const seconds = median((taken.get(maxBatch) ?? []).map((round) => round.seconds));
    const milliseconds = [window, alone, median(beside), worst].map((value) => (1000 * value).toFixed(0));
    const lengths = [windows, worst / window].map((value) => value.toFixed(2));
    report.table.push([`${dtype}, ${maxBatch}`, (CONCURRENCY / seconds).toFixed(2), ...milliseconds, ...lengths]);
  }
}

/** How much more it takes one window at a time: median over the rounds. */
function ratioOf(taken: Throughput['taken'], cost: (round: Taken) => number): number {
  const [single = [], batched = []] = ([1, 8] as const).map((maxBatch) => taken.get(maxBatch)?.map(cost));
  return median(single.map((value, at) => value / (batched[at] ?? Number.NaN)));
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

const QUIET: Logger = { debug() {}, info() {}, warn: console.error, error: console.error, child: () => QUIET };
