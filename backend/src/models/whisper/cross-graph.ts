/**
 * A graph of our own that makes a window's keys and values for the decoder's attention, all layers', in 8 bits with a scale
 * for each channel. Run once a window: however often its decoding begins anew (another temperature, a prompt, the next
 * stretch of tokens), they stay.
 */

import type { SourceGraph } from '../derived-graph.ts';
import { type GraphIndex, indexGraph } from '../graph-index.ts';
import {
  constantTensor,
  ELEMENT,
  floatAttribute,
  graphMessage,
  intAttribute,
  intsAttribute,
  modelMessage,
  nodeMessage,
  tensorMessage,
  valueInfo,
} from '../onnx-build.ts';
import type { GraphNode, GraphTensor } from '../onnx-file.ts';
import { standardNode } from '../standard-node.ts';
import { crossNames } from './cross-names.ts';
import type { WhisperLayout } from './layout.ts';
import { LOOP_INPUTS } from './loop-io.ts';
import { findCrossAttentions } from './stored-cross.ts';

const LARGEST = 127;
const CONSTANTS = { largest: 'cross/127', smallest: 'cross/smallest' };

/** From the prompt's graph, whose weights it uses. @throws Error where that has another form. */
export function buildCrossGraph(prefill: SourceGraph, layout: WhisperLayout): Uint8Array {
  const { heads, headDim, dModel, layers } = layout;
  const index = indexGraph(prefill);
  const nodes: GraphNode[] = [];
  const weights = new Map<string, GraphTensor>();
  const outputs: Uint8Array[] = [];
  const { int8, uint8, float32 } = ELEMENT;
  for (const { layer, scores, mix } of findCrossAttentions(prefill, layers)) {
    const names = crossNames(layer);
    const [keys, values] = [scores, mix].map(({ inputs }) => findProjection(index, inputs[1] ?? ''));
    for (const part of [keys, values]) {
      for (const tensor of [part?.weight, part?.bias]) if (tensor !== undefined) weights.set(tensor.name, tensor);
    }
    nodes.push(
      ...channels(keys as Projection, names.key, names.keyScale, 'cross/zeros_uint8'),
      ...framesFirst(names.key),
      ...channels(values as Projection, names.value, names.valueScale, 'cross/zeros_int8'),
      ...framesFirst(names.value),
    );
    outputs.push(
      valueInfo(names.key, uint8, [1, heads, 'frames', headDim]),
      valueInfo(names.keyScale, float32, [1, heads, 1, headDim]),
      valueInfo(names.value, int8, [1, heads, 'frames', headDim]),
      valueInfo(names.valueScale, float32, [1, heads, 1, headDim]),
    );
  }
  const int64 = (name: string, values: number[]): GraphTensor =>
    constantTensor(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));
  const constants = [
    constantTensor(CONSTANTS.largest, 'float32', [], Float32Array.of(LARGEST)),
    // Nothing is divided by 0.
    constantTensor(CONSTANTS.smallest, 'float32', [], Float32Array.of(1e-20)),
    constantTensor('cross/zeros_uint8', 'uint8', [dModel], new Uint8Array(dModel).fill(128)),
    constantTensor('cross/zeros_int8', 'int8', [dModel], new Int8Array(dModel)),
    int64('cross/by_channel', [1, heads, headDim, -1]),
    int64('cross/by_head', [1, heads, 1, headDim]),
    int64('cross/1', [1]),
  ];
  const graph = graphMessage({
    name: 'whisper_cross',
    nodes: nodes.map(nodeMessage),
    initializers: [...weights.values(), ...constants].map((tensor) =>
      tensorMessage(tensor, tensor.name, prefill.fileOf),
    ),
    inputs: [valueInfo(LOOP_INPUTS.encoding, float32, ['frames', dModel])],
    outputs,
  });
  return modelMessage(graph, prefill.irVersion, prefill.opsets);
}

interface Projection {
  /** [d, heads · 64] */
  weight: GraphTensor;
  /** [heads · 64] */
  bias: GraphTensor | undefined;
  /** Of both. */
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

/** factor · (Wᵀ · encodingᵀ + bias), [heads · 64, frames], each channel divided by its largest magnitude, in 8 bits. */
function channels({ weight, bias, factor }: Projection, name: string, scale: string, zeros: string): GraphNode[] {
  const value = (what: string) => `${name}/${what}`;
  const transposed = [intAttribute('transA', 1), intAttribute('transB', 1)];
  const factors = [floatAttribute('alpha', factor), floatAttribute('beta', factor)];
  const column = bias === undefined ? [] : [standardNode('Unsqueeze', [bias.name, 'cross/1'], value('bias'))];
  const inputs = [weight.name, LOOP_INPUTS.encoding, ...column.map(() => value('bias'))];
  const along = [intsAttribute('axes', [1]), intAttribute('keepdims', 0)];
  return [
    ...column,
    standardNode('Gemm', inputs, value('float'), [...transposed, ...factors]),
    standardNode('ReduceMax', [value('float')], value('max'), along),
    standardNode('ReduceMin', [value('float')], value('min'), along),
    standardNode('Neg', [value('min')], value('minus_min')),
    standardNode('Max', [value('max'), value('minus_min'), CONSTANTS.smallest], value('largest')),
    standardNode('Div', [value('largest'), CONSTANTS.largest], value('scale')),
    standardNode('QuantizeLinear', [value('float'), value('scale'), zeros], value('bytes'), [intAttribute('axis', 0)]),
    standardNode('Reshape', [value('scale'), 'cross/by_head'], scale),
  ];
}

/** [heads · 64, frames] → [1, heads, frames, 64] */
function framesFirst(name: string): GraphNode[] {
  return [
    standardNode('Reshape', [`${name}/bytes`, 'cross/by_channel'], `${name}/by_channel`),
    standardNode('Transpose', [`${name}/by_channel`], name, [intsAttribute('perm', [0, 1, 3, 2])]),
  ];
}
