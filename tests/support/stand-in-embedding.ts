/**
 * A stand-in for a speaker embedding, for tests that need one and have no weights: a graph of FinDIT's layout that tells
 * the seven speakers of the reference material apart (LibriSpeech's five readers and the two of the telephone call),
 * because it was fitted to them. Anybody else it cannot tell apart. `tests/fixtures/pyannote/stand_in.py` is the fit.
 */
import {
  constantTensor,
  ELEMENT,
  graphMessage,
  graphWriter,
  intsAttribute,
  modelMessage,
  nodeMessage,
  tensorMessage,
  valueInfo,
} from '../../backend/src/models/onnx-build.ts';
import { standardNode } from '../../backend/src/models/standard-node.ts';
import fitted from '../fixtures/pyannote/stand-in.json' with { type: 'json' };

const BINS = 80;
const CEPSTRA = 30;
const DELTAS = 12;
const WIDTH = CEPSTRA + DELTAS;
const TAPS = 5;
const DIMENSION = 256;
const MASK_FRAMES = 589;

/** `fbank` [N, T, 80], `weights` [N, 589] → `embedding` [N, 256]; cosines are about 0.95 within a speaker, below 0.6 between two. */
export function standInEmbedding(): Uint8Array {
  const writer = graphWriter('stand_in');
  const { op, int64 } = writer;
  const axis = (of: number): string => int64([of], [1]);
  const dimension = (value: string, of: number): string => op('Gather', [op('Shape', [value]), int64([of])]);
  const extra = [
    standardNode('Transpose', ['fbank'], 'bins_first', [intsAttribute('perm', [0, 2, 1])]),
    standardNode('Conv', ['bins_first', 'kernel'], 'frames', [intsAttribute('pads', [2, 2])]),
  ];

  const length = dimension('frames', 2);
  const steps = op('Range', [int64([0]), length, int64([1])]);
  const nearest = op('Div', [op('Mul', [steps, dimension('weights', 1)]), length]);
  // [N, 1, T]
  const mask = op('Unsqueeze', [op('Gather', ['weights', nearest], { axis: 1 }), axis(1)]);
  const sum = (value: string): string => op('ReduceSum', [value, axis(2)], { keepdims: 1 });
  const count = sum(mask);
  // [N, 42, 1]
  const mean = op('Div', [sum(op('Mul', ['frames', mask])), count]);
  const offset = op('Sub', ['frames', mean]);
  const squares = sum(op('Mul', [op('Mul', [offset, offset]), mask]));
  const rest = op('Sub', [count, op('Div', [sum(op('Mul', [mask, mask])), count])]);
  const deviation = op('Sqrt', [op('Div', [squares, rest])]);
  const statistics = op('Squeeze', [op('Concat', [mean, deviation], { axis: 1 }), axis(2)]);
  op('Gemm', [statistics, 'projection', 'offset'], {}, 'embedding');

  const { projection, bias } = lastProduct();
  const weights = [
    constantTensor('kernel', 'float32', [WIDTH, BINS, TAPS], kernel()),
    constantTensor('projection', 'float32', [2 * WIDTH, DIMENSION], projection),
    constantTensor('offset', 'float32', [DIMENSION], bias),
  ];
  const graph = graphMessage({
    name: 'stand_in',
    nodes: [...extra.map(nodeMessage), ...writer.nodes],
    initializers: [...writer.initializers, ...weights.map((tensor) => tensorMessage(tensor, tensor.name, () => ''))],
    inputs: [
      valueInfo('fbank', ELEMENT.float32, ['N', 'T', BINS]),
      valueInfo('weights', ELEMENT.float32, ['N', MASK_FRAMES]),
    ],
    outputs: [valueInfo('embedding', ELEMENT.float32, ['N', DIMENSION])],
  });
  return modelMessage(graph, 8, new Map([['', 14]]));
}

/** [42, 80, 5]: cepstra (DCT-II of the log-mel), and the slopes of the 1st to 12th over five frames. */
function kernel(): Float32Array {
  const weights = new Float32Array(WIDTH * BINS * TAPS);
  const slope = [-0.2, -0.1, 0, 0.1, 0.2];
  for (let order = 0; order < CEPSTRA; order += 1) {
    for (let bin = 0; bin < BINS; bin += 1) {
      const value = Math.cos((Math.PI * order * (bin + 0.5)) / BINS) * Math.sqrt(2 / BINS);
      weights[(order * BINS + bin) * TAPS + 2] = value;
      if (order === 0 || order > DELTAS) continue;
      const row = CEPSTRA + order - 1;
      for (const [tap, gain] of slope.entries()) weights[(row * BINS + bin) * TAPS + tap] = gain * value;
    }
  }
  return weights;
}

/** The fitted projection [84, 6], turned into 256 dimensions without changing an angle. */
function lastProduct(): { projection: Float32Array; bias: Float32Array } {
  const projection = new Float32Array(2 * WIDTH * DIMENSION);
  const bias = new Float32Array(DIMENSION);
  for (let to = 0; to < DIMENSION; to += 1) {
    for (const [from, row] of fitted.projection.entries()) {
      const value = row.reduce((total, weight, k) => total + weight * basis(k, to), 0);
      projection[from * DIMENSION + to] = value;
      bias[to] = (bias[to] as number) - (fitted.mean[from] as number) * value;
    }
  }
  return { projection, bias };
}

/** Orthonormal rows: a DCT's. */
function basis(k: number, at: number): number {
  return Math.sqrt(2 / DIMENSION) * Math.cos((Math.PI * (k + 1) * (at + 0.5)) / DIMENSION);
}
