/**
 * Whisper against transformers.js: the same repository at the real sizes with random weights, outputs of one forced
 * length, greedy without timestamps, equal threads, each in its own process, rounds alternating. From PCM in memory to
 * tokens; no text on either side. Ours three times: as the CPU's default has it (weights in 8 bits), with the encoder's in
 * float32, and with the exported float32 weights throughout, as transformers.js computes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { WHISPER_SHAPES, type WhisperShape, writeWhisperShape } from '../../fixtures/whisper/shapes/write-shape.ts';
import { findTransformersJs, HOW_TO_INSTALL } from '../../rivals/transformers-js.ts';
import { UsageError } from '../command-line.ts';
import type { BenchReport } from '../report.ts';
import { type ForkedChild, startChild } from './forked-child.ts';
import { median } from './median.ts';
import { preparedGraphs } from './whisper-model.ts';
import type { WhisperReply, WhisperRequest } from './whisper-protocol.ts';

type WhisperChild = ForkedChild<WhisperRequest, WhisperReply>;
const startWhisperChild = startChild<WhisperRequest, WhisperReply>;

/** Throughput of the loop relative to transformers.js below which the benchmark fails, by windows decoded together. */
const GOALS = [
  { windows: 1, ratio: 1.5 },
  { windows: 8, ratio: 2 },
];
const CONTENDERS = [
  'default',
  'fp32/int8',
  'fp32',
  'fp32, step',
  'transformers.js',
  'transformers.js, batched',
] as const;
type Contender = (typeof CONTENDERS)[number];
/** Ours, with the loop inside the graph. */
const OURS = {
  default: { encoder: 'int8', decoder: 'int8' },
  'fp32/int8': { encoder: 'as-exported', decoder: 'int8' },
  fp32: { encoder: 'as-exported', decoder: 'as-exported' },
} as const;

const DEFAULT_ROUNDS = 5;
const DEFAULT_TOKENS = 64;
const DEFAULT_SHAPES: readonly WhisperShape[] = ['tiny', 'base'];

interface Options {
  rounds: number;
  /** Written per window. */
  tokens: number;
  shapes: readonly WhisperShape[];
  /** Inside an operator; of each program. */
  threads: number;
}

/** `args`: rounds, tokens per window, then shapes and `threads=N`. transformers.js: see tests/rivals. */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const options = readOptions(args);
  const rival = findRival(process.env.TRANSFORMERS_JS);
  const report: BenchReport = {
    name: 'whisper',
    pass: true,
    figures: {
      rounds: options.rounds,
      'tokens per window': options.tokens,
      threads: options.threads,
      'transformers.js': rival?.version ?? 'ABSENT: nothing was compared, no goal was judged',
      'load average at the start': round(loadavg()[0] ?? Number.NaN, 2),
    },
    table: [['model, windows, contender', 'ms', 'ms/window', 'tokens/s', 'decoder ms/token', 'peak MB']],
  };
  for (const shape of options.shapes) {
    const folder = await mkdtemp(join(tmpdir(), 'audio-gateway-bench-'));
    try {
      addShape(report, shape, options, await measureShape(shape, join(folder, shape), options, rival?.entry));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  report.figures['load average at the end'] = round(loadavg()[0] ?? Number.NaN, 2);
  return report;
}

function readOptions(args: readonly string[]): Options {
  const isCount = (argument: string) => /^[1-9]\d*$/.test(argument);
  const counts = args.filter(isCount).map(Number);
  const [threads = 1] = args.flatMap((argument) => /^threads=([1-9]\d*)$/.exec(argument)?.slice(1).map(Number) ?? []);
  const names = args.filter((argument) => !isCount(argument) && !argument.startsWith('threads='));
  const shapes = WHISPER_SHAPES.filter((shape) => names.includes(shape));
  if (counts.length > 2 || shapes.length < names.length) {
    throw new UsageError(
      `Arguments: [ROUNDS [TOKENS]] [threads=N] [${WHISPER_SHAPES.join('|')} ...]; not '${args.join(' ')}'`,
    );
  }
  const [rounds = DEFAULT_ROUNDS, tokens = DEFAULT_TOKENS] = counts;
  return { rounds, tokens, threads, shapes: shapes.length > 0 ? shapes : DEFAULT_SHAPES };
}

function findRival(folder: string | undefined): { entry: string; version: string } | undefined {
  const rival = findTransformersJs(folder);
  if (rival === undefined) {
    console.error(`NOT COMPARED: ${HOW_TO_INSTALL}\nWhat follows are our figures alone; no goal is judged.`);
  }
  return rival;
}

/** By windows decoded together, then contender: one reply a round. */
type Measured = Map<number, Map<Contender, WhisperReply[]>>;

async function measureShape(
  shape: WhisperShape,
  model: string,
  { rounds, tokens, threads }: Options,
  rival: string | undefined,
): Promise<Measured> {
  await writeWhisperShape(shape, model);
  const children = new Map<Contender, WhisperChild>();
  const measured: Measured = new Map();
  try {
    for (const [name, weights] of Object.entries(OURS)) {
      // Made here, as at a model's first load, so that the child's memory is that of later ones.
      const { encoder, loop } = await preparedGraphs(model, weights);
      const args = [model, `${threads}`, encoder, loop.loop, ...(loop.cross === undefined ? [] : [loop.cross])];
      children.set(name as Contender, await startWhisperChild('whisper-ours.ts', args));
    }
    children.set('fp32, step', await startWhisperChild('whisper-ours.ts', [model, `${threads}`]));
    if (rival !== undefined) {
      const script = 'whisper-transformers-js.ts';
      children.set('transformers.js', await startWhisperChild(script, [model, `${threads}`, rival]));
      children.set('transformers.js, batched', await startWhisperChild(script, [model, `${threads}`, rival, 'batch']));
    }
    for (const { windows } of GOALS) {
      const taking = [...children].filter(([name]) => windows > 1 || name !== 'transformers.js, batched');
      const replies = new Map(taking.map(([name]): [Contender, WhisperReply[]] => [name, []]));
      measured.set(windows, replies);
      // The first round warms up and is not counted.
      for (let index = -1; index < rounds; index += 1) {
        const order = index % 2 === 0 ? taking : taking.toReversed();
        for (const [name, child] of order) {
          const reply = await child.ask({ windows, tokens });
          if (index >= 0) replies.get(name)?.push(reply);
          console.error(`${shape}, ${windows}, round ${index + 1} of ${rounds}, ${name}: ${describe(reply)}`);
        }
      }
    }
    return measured;
  } finally {
    for (const child of children.values()) child.end();
  }
}

function addShape(report: BenchReport, shape: string, options: Options, measured: Measured): void {
  const { table, figures } = report;
  for (const { windows, ratio: goal } of GOALS) {
    const replies = measured.get(windows);
    for (const name of CONTENDERS) {
      const own = replies?.get(name);
      if (own !== undefined) table.push(rowOf(`${shape}, ${windows}, ${name}`, windows * options.tokens, windows, own));
    }
    const where = `${shape}, ${windows} window${windows === 1 ? '' : 's'}`;
    const exported = replies?.get('fp32') ?? [];
    figures[`${where}: decoder, loop relative to step`] = ratioOf(
      exported,
      replies?.get('fp32, step') ?? [],
      decoderTime,
    );
    const rivals = [replies?.get('transformers.js'), replies?.get('transformers.js, batched')].filter(isGiven);
    const [rival] = rivals.toSorted((a, b) => median(a.map(totalTime)) - median(b.map(totalTime)));
    if (rival === undefined) continue;
    for (const name of ['default', 'fp32/int8', 'fp32'] as const) {
      const own = replies?.get(name) ?? [];
      const ratio = ratioOf(own, rival, totalTime);
      const aim = name === 'default' ? ` (goal ${goal})` : '';
      figures[`${where}: throughput of ${name} relative to transformers.js at its best${aim}`] = ratio;
      if (name === 'default' && !(ratio >= goal)) report.pass = false;
    }
    const cpu = ratioOf(replies?.get('default') ?? [], rival, ({ cpuMilliseconds }) => cpuMilliseconds);
    figures[`${where}: transformers.js' processor time relative to the default's`] = cpu;
    figures[`${where}: same tokens as transformers.js, fp32`] =
      `${round(100 * sameTokens(exported[0], rival[0]), 1)} %`;
  }
}

function rowOf(label: string, tokens: number, windows: number, replies: readonly WhisperReply[]): string[] {
  const total = median(replies.map(totalTime));
  const decoder = median(replies.map(decoderTime));
  // Each row's tokens in turn: with eight windows a token costs an eighth of a step.
  const perToken = Number.isNaN(decoder) ? '' : (decoder / tokens).toFixed(2);
  const peak = Math.max(...replies.map(({ peakBytes }) => peakBytes)) / 1e6;
  const rate = ((1000 * tokens) / total).toFixed(1);
  return [label, total.toFixed(0), (total / windows).toFixed(0), rate, perToken, peak.toFixed(0)];
}

function describe({ milliseconds, cpuMilliseconds }: WhisperReply): string {
  return `${milliseconds.toFixed(0)} ms, processor ${cpuMilliseconds.toFixed(0)} ms`;
}

function isGiven<T>(value: T | undefined): value is T {
  return value !== undefined;
}

function totalTime({ milliseconds }: WhisperReply): number {
  return milliseconds;
}

function decoderTime({ decoderMilliseconds }: WhisperReply): number {
  return decoderMilliseconds ?? Number.NaN;
}

/** How often `ours` fits into `theirs`: median over the rounds. */
function ratioOf(
  ours: readonly WhisperReply[],
  theirs: readonly WhisperReply[],
  time: (reply: WhisperReply) => number,
): number {
  const ratios = ours.flatMap((reply, index) => {
    const other = theirs[index];
    return other === undefined ? [] : [time(other) / time(reply)];
  });
  return round(median(ratios), 3);
}

/** Share of positions with one token in both. */
function sameTokens(ours: WhisperReply | undefined, theirs: WhisperReply | undefined): number {
  const left = ours?.written.flat() ?? [];
  const right = theirs?.written.flat() ?? [];
  return left.filter((token, index) => token === right[index]).length / left.length;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
