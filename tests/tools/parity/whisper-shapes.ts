/** The loop put into decoders of the real sizes: what it costs, that weights stay where they are, what is decoded. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { WHISPER_SHAPES, type WhisperShape, writeWhisperShape } from '../../fixtures/whisper/shapes/write-shape.ts';
import { UsageError } from '../command-line.ts';
import type { BenchReport } from '../report.ts';
import { operate } from './loop-surgery.ts';
import { compareDecoders, type Decoded, tryEncoder } from './shape-decoding.ts';
import { type Precision, shapeGraphs, shapeLayout } from './shape-model.ts';

const DEFAULT: readonly string[] = ['tiny', 'base', 'small'];
const HALF = '_fp16';
const MB = 1e6;

/** The new graph holds no weights: some kilobytes a node. */
const LARGEST_GRAPH = 3 * MB;
/** What the surgery may need beyond its runtime, however large the model. */
const LARGEST_GROWTH = 200 * MB;
/** Natural logarithms of probabilities. */
const LARGEST_ERROR = 1e-3;

export interface ShapeOutcome {
  name: string;
  weightBytes: number;
  graphBytes: number;
  surgerySeconds: number;
  /** Of the surgery's process, beyond what it began with. */
  growthBytes: number;
  /** Files beside the new graph, and how many of them are links to the originals. */
  files: number;
  links: number;
  /** Undefined in float16, and where memory does not hold the decoder. */
  decoded: Decoded | undefined;
  encodeSeconds: number | undefined;
}

/** `args`: shapes, each with `_fp16` behind it for the graphs in float16. */
export async function run(args: readonly string[] = []): Promise<BenchReport> {
  const shapes = (args.length === 0 ? DEFAULT : args).map(parseShape);
  const outcomes: ShapeOutcome[] = [];
  for (const { shape, precision } of shapes) {
    const model = await mkdtemp(join(tmpdir(), 'whisper-shape-'));
    try {
      outcomes.push(await checkShape(shape, precision, model));
    } finally {
      await rm(model, { recursive: true, force: true });
    }
  }
  return report(outcomes);
}

function parseShape(text: string): { shape: WhisperShape; precision: Precision } {
  const precision = text.endsWith(HALF) ? HALF : '';
  const shape = WHISPER_SHAPES.find((name) => `${name}${precision}` === text);
  if (shape === undefined) throw new UsageError(`No such shape: '${text}'. There are ${WHISPER_SHAPES.join(', ')}`);
  return { shape, precision };
}

/** Writes the model into `model`, operates, decodes. */
export async function checkShape(
  shape: WhisperShape,
  precision: Precision,
  model: string,
  options: { externalData?: boolean; encoder?: boolean } = {},
): Promise<ShapeOutcome> {
  const graphs = ['decoder_model', 'decoder_with_past_model'].map((name) => `${name}${precision}`);
  const encodes = options.encoder ?? (precision === '' && shape !== 'large-v3');
  await writeWhisperShape(shape, model, { ...options, graphs: encodes ? [...graphs, 'encoder_model'] : graphs });
  const { path, seconds, peakBytes, beforeBytes } = await operate(model, precision);
  const beside = (await readdir(dirname(path))).filter((name) => join(dirname(path), name) !== path);
  const sizes = await Promise.all(beside.map((name) => stat(join(dirname(path), name))));
  const originals = await Promise.all(beside.map((name) => stat(join(model, 'onnx', name))));
  const weightBytes = sizes.reduce((sum, { size }) => sum + size, 0);
  // Weights, the runtime's copies of some of them, keys and values. ONNX Runtime 1.26 opens no float16 export on the CPU,
  // rewritten or not: its fusion of layer norms loses a name among the casts it inserted.
  const fits = precision === '' && freemem() > 2.5 * weightBytes;
  return {
    name: `${shape}${precision}`,
    weightBytes,
    graphBytes: (await stat(path)).size,
    surgerySeconds: seconds,
    growthBytes: peakBytes - beforeBytes,
    files: beside.length,
    links: sizes.filter(({ ino, dev }, at) => ino === originals[at]?.ino && dev === originals[at]?.dev).length,
    decoded: fits ? await compareDecoders(model, precision, path) : undefined,
    encodeSeconds: encodes ? await tryEncoder(model, await melBins(model, precision)) : undefined,
  };
}

async function melBins(model: string, precision: Precision): Promise<number> {
  return (await shapeLayout(model, shapeGraphs(model, precision).prefill)).melBins;
}

/** What an outcome fails to keep; empty when it keeps all. */
export function faultsOf({ graphBytes, growthBytes, files, links, decoded }: ShapeOutcome): string[] {
  return [
    ...(graphBytes > LARGEST_GRAPH ? ['large graph'] : []),
    ...(growthBytes > LARGEST_GROWTH ? ['much memory'] : []),
    ...(files === 0 || links < files ? ['copied weights'] : []),
    ...(decoded?.equal === false ? ['other tokens'] : []),
    ...(decoded !== undefined && !(decoded.logprobError <= LARGEST_ERROR) ? ['other probabilities'] : []),
  ];
}

function report(outcomes: readonly ShapeOutcome[]): BenchReport {
  const skipped = outcomes.filter(({ decoded }) => decoded === undefined).map(({ name }) => name);
  if (skipped.length > 0)
    console.error(`NOT DECODED, float16 on the CPU or too little free memory: ${skipped.join(', ')}`);
  const megabytes = (bytes: number) => (bytes / MB).toFixed(bytes < 10 * MB ? 2 : 0);
  const seconds = (value: number | undefined) => value?.toFixed(1) ?? '';
  return {
    name: 'parity whisper-shapes',
    pass: outcomes.every((outcome) => faultsOf(outcome).length === 0),
    figures: Object.fromEntries(
      outcomes.map(({ name, surgerySeconds, growthBytes }) => [
        name,
        `${surgerySeconds.toFixed(1)} s, ${megabytes(growthBytes)} MB`,
      ]),
    ),
    table: [
      // Sizes in MB, times in seconds.
      [
        'shape',
        'weights',
        'graph',
        'surgery s',
        'grew by',
        'links',
        'open s',
        'decode s',
        'tokens',
        'error',
        'encode s',
      ],
      ...outcomes.map((outcome) => {
        const { name, weightBytes, graphBytes, surgerySeconds, growthBytes, files, links, decoded } = outcome;
        return [
          name,
          megabytes(weightBytes),
          megabytes(graphBytes),
          seconds(surgerySeconds),
          megabytes(growthBytes),
          `${links}/${files}`,
          seconds(decoded?.openSeconds),
          seconds(decoded?.loopSeconds),
          decoded === undefined ? 'NOT RUN' : `${decoded.tokens} ${decoded.equal ? 'equal' : 'DIFFER'}`,
          decoded?.logprobError.toExponential(1) ?? '',
          seconds(outcome.encodeSeconds),
          faultsOf(outcome).join(', '),
        ];
      }),
    ],
  };
}
