/**
 * A graph of our own that makes a window's keys and values for the decoder's attention, all layers', in 8 bits with a scale
 * for each channel, by products of integers (the encoding in 14 bits, the weights in 8). Run once a window: however often its
 * decoding begins anew (another temperature, a prompt, the next stretch of tokens), they stay.
 */
import type { SourceGraph } from '../derived-graph.ts';
import { type GraphIndex, indexGraph } from '../graph-index.ts';
import {
  constantTensor,
  ELEMENT,
  graphMessage,
  intAttribute,
  intsAttribute,
  MICROSOFT,
  modelMessage,
  nodeMessage,
  tensorMessage,
  valueInfo,
} from '../onnx-build.ts';
import type { GraphNode, GraphTensor, StoredData } from '../onnx-file.ts';
import { standardNode } from '../standard-node.ts';
import { crossNames } from './cross-names.ts';
import { HALVES_ONE, HALVES_ZERO, splitWhole, type WholeHalves, withHalvesConstants } from './halves.ts';
import { int8Names, quantizeColumns } from './int8-columns.ts';
import type { WhisperLayout } from './layout.ts';
import { LOOP_INPUTS } from './loop-io.ts';
import { findCrossAttentions } from './stored-cross.ts';
import { storedBeside, type WeightStore } from './weight-store.ts';

const LARGEST = 127;
const CONSTANTS = { largest: 'cross/127', smallest: 'cross/smallest', keyZero: 'cross/key_zero' };
const BY_HEAD = 'cross/by_head';
const ONE_BY_HEAD = 'cross/one_by_head';
export interface CrossOptions {
  /** Takes the weights in 8 bits. */
  store: WeightStore;
  /** The file that holds stored data of the prompt's graph. */
  pathOf(stored: StoredData): string;
}

/** From the prompt's graph, whose weights it uses. @throws Error where that has another form. */
export function buildCrossGraph(
  prefill: SourceGraph,
  { heads, headDim, dModel, layers }: WhisperLayout,
  { store, pathOf }: CrossOptions,
): Uint8Array {
  const index = indexGraph(prefill);
  const encoding = splitWhole(LOOP_INPUTS.encoding, 'encoding');
  const nodes = [...encoding.nodes];
  const weights = new Map<string, GraphTensor>();
  const outputs: Uint8Array[] = [];
  const { int8, uint8, float32 } = ELEMENT;
  const added: GraphTensor[] = [];
  for (const { layer, scores, mix } of findCrossAttentions(prefill, layers)) {
    const names = crossNames(layer);
    const parts = [
      { of: scores, name: names.key, scale: names.keyScale, zero: CONSTANTS.keyZero, type: uint8 },
      { of: mix, name: names.value, scale: names.valueScale, zero: HALVES_ZERO.int8, type: int8 },
    ];
    for (const { of, name, scale, zero, type } of parts) {
      const projection = findProjection(index, of.inputs[1] ?? '');
      const { weight, bias, factor } = projection;
      if (!weights.has(weight.name)) added.push(...quantizeColumns(weight, int8Names(weight.name), { pathOf, store }));
      weights.set(weight.name, weight);
      if (bias !== undefined) added.push(bias);
      added.push(constantTensor(`${name}/factor`, 'float32', [], Float32Array.of(factor / LARGEST)));
      nodes.push(...channels(encoding, projection, { name, scale, zero }));
      outputs.push(
        valueInfo(name, type, [1, heads, 'frames', headDim]),
        valueInfo(scale, float32, [1, heads, 1, headDim]),
      );
    }
  }
  const int64 = (name: string, values: number[]): GraphTensor =>
    constantTensor(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));
  const constants = [
    constantTensor(CONSTANTS.largest, 'float32', [], Float32Array.of(LARGEST)),
    // Nothing is divided by 0.
    constantTensor(CONSTANTS.smallest, 'float32', [], Float32Array.of(1e-20)),
    constantTensor(CONSTANTS.keyZero, 'uint8', [], Uint8Array.of(128)),
    int64(BY_HEAD, [1, -1, heads, headDim]),
    int64(ONE_BY_HEAD, [1, heads, 1, headDim]),
  ];
  const graph = graphMessage({
    name: 'whisper_cross',
    nodes: nodes.map(nodeMessage),
    initializers: withHalvesConstants([...added, ...constants]).map((tensor) =>
      tensorMessage(tensor, tensor.name, storedBeside(prefill.fileOf)),
    ),
    inputs: [valueInfo(LOOP_INPUTS.encoding, float32, ['frames', dModel])],
    outputs,
  });
  return modelMessage(graph, prefill.irVersion, new Map([...prefill.opsets, [MICROSOFT, 1]]));
}

interface Projection {
  /** [d, heads · 64] */
  weight: GraphTensor;
  /** [heads · 64] */
  bias: GraphTensor | undefined;
  /** What the graph multiplies both by. */
  factor: number;
}

/** Backwards from keys or values, through reordering and constant factors, to the product that made them. */
function findProjection(index: GraphIndex, value: string): Projection {
  let factor = 1;
  let bias: GraphTensor | undefined;
  for (let node = index.producer(value); node !== undefined; ) {
    const [left = '', right = ''] = node.inputs;
    let next = left;
    const weight = index.weight(right);
    if (node.opType === 'MatMul' && left === LOOP_INPUTS.encoding && weight !== undefined)
      return { weight, bias, factor };
    if (node.opType === 'Mul') {
      factor *= index.scalar(right) ?? index.scalar(left) ?? Number.NaN;
      next = index.scalar(right) === undefined ? right : left;
    } else if (node.opType === 'Add') {
      bias = index.weight(left) ?? index.weight(right);
      next = index.weight(left) === undefined ? left : right;
      if (bias === undefined) break;
    } else if (node.opType !== 'Transpose' && node.opType !== 'Reshape') break;
    node = index.producer(next);
  }
  throw new Error("The decoder's keys or values of the encoder's output are made in an unknown way");
}

/** encoding · W + bias, [frames, heads · 64], each channel divided by its largest magnitude, in 8 bits; by head. */
function channels(
  halves: WholeHalves,
  { weight, bias }: Projection,
  { name, scale, zero }: { name: string; scale: string; zero: string },
): GraphNode[] {
  const value = (what: string) => `${name}/${what}`;
  const along = [intsAttribute('axes', [0]), intAttribute('keepdims', 0)];
  return [
    ...halves.times(int8Names(weight.name), value('float'), bias?.name),
    standardNode('ReduceMax', [value('float')], value('max'), along),
    standardNode('ReduceMin', [value('float')], value('min'), along),
    standardNode('Neg', [value('min')], value('minus_min')),
    standardNode('Max', [value('max'), value('minus_min'), CONSTANTS.smallest], value('largest')),
    standardNode('Div', [CONSTANTS.largest, value('largest')], value('inverse')),
    standardNode('Mul', [value('float'), value('inverse')], value('unit')),
    standardNode('QuantizeLinear', [value('unit'), HALVES_ONE, zero], value('bytes')),
    standardNode('Reshape', [value('bytes'), BY_HEAD], value('by_head')),
    standardNode('Transpose', [value('by_head')], name, [intsAttribute('perm', [0, 2, 1, 3])]),
    standardNode('Mul', [value('largest'), value('factor')], value('scale')),
    standardNode('Reshape', [value('scale'), ONE_BY_HEAD], scale),
  ];
}
