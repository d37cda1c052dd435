/**
 * Attention to the encoder's output whose keys and values come in 8 bits from outside (`cross-graph.ts`), where the export
 * makes them itself or takes them in float32: a step on a CPU is mostly reading them, and these are a quarter.
 */

import type { SourceGraph } from '../derived-graph.ts';
import { type GraphIndex, indexGraph } from '../graph-index.ts';
import { constantTensor, ELEMENT, intAttribute, intsAttribute, MICROSOFT } from '../onnx-build.ts';
import type { GraphNode } from '../onnx-file.ts';
import { pruneGraph } from '../prune-graph.ts';
import { standardNode } from '../standard-node.ts';
import { crossNames } from './cross-names.ts';
import { HALVES_ONE, HALVES_ZERO, refuseNewOpsets, splitHalves, withHalvesConstants } from './halves.ts';

/** What keys store 0 as. */
const KEY_ZERO = 'stored/key_zero';
/** Queries, heads before them: [rows, heads, queries, …]. */
const QUERIES = 2;

export interface CrossAttention {
  layer: number;
  /** Queries times keys; its second input is the keys' [rows, heads, 64, frames] with whatever they were scaled by. */
  scores: GraphNode;
  /** Probabilities times values; its second input is the values' [rows, heads, frames, 64]. */
  mix: GraphNode;
  /** What the graph multiplies the keys by. */
  keyFactor: number;
}

/** @throws Error where a layer's attention has another form. */
export function findCrossAttentions(graph: SourceGraph, layers: number): CrossAttention[] {
  const index = indexGraph(graph);
  return Array.from({ length: layers }, (_, layer) => {
    const names = [`past_key_values.${layer}.encoder.value`, `present.${layer}.encoder.value`];
    const mix = graph.nodes.find(({ opType, inputs }) => opType === 'MatMul' && names.includes(inputs[1] ?? ''));
    const softmax = mix && unguarded(index, mix.inputs[0] ?? '');
    const scores = unscaled(index, softmax?.inputs[0] ?? '');
    if (mix === undefined || softmax?.opType !== 'Softmax' || scores?.opType !== 'MatMul') {
      throw new Error(`The attention of layer ${layer} to the encoder's output has an unknown form`);
    }
    return { layer, scores, mix, keyFactor: constantFactor(index, scores.inputs[1] ?? '') };
  });
}

/** What makes a value, multiplications by a constant left aside. */
function unscaled(index: GraphIndex, value: string): GraphNode | undefined {
  const node = index.producer(value);
  const [left = '', right = ''] = node?.inputs ?? [];
  return node?.opType === 'Mul' && index.scalar(right) !== undefined ? unscaled(index, left) : node;
}

function constantFactor(index: GraphIndex, value: string): number {
  const node = index.producer(value);
  const [left = '', right = ''] = node?.inputs ?? [];
  if (node?.opType === 'Transpose') return constantFactor(index, left);
  const factor = node?.opType === 'Mul' ? (index.scalar(right) ?? index.scalar(left)) : undefined;
  if (factor === undefined) return 1;
  return factor * constantFactor(index, index.scalar(right) === undefined ? right : left);
}

/** Some exports replace rows that are all masked: Where(IsNaN(x), 0, x). */
function unguarded(index: GraphIndex, probabilities: string): GraphNode | undefined {
  const node = index.producer(probabilities);
  return node?.opType === 'Where' ? index.producer(node.inputs[2] ?? '') : node;
}

/**
 * The graph with each attention to them: that of one token in integers; that of a whole prompt, which is a small part of the
 * work and would need much memory for its sums, in float32.
 */
export function useStoredCross(
  graph: SourceGraph,
  layers: number,
  /** The graph is fed one token at a time. */
  { singlePosition: single }: { singlePosition: boolean },
): SourceGraph {
  refuseNewOpsets(graph.opsets);
  const replaced = new Map<GraphNode, GraphNode[]>();
  for (const { layer, scores, mix } of findCrossAttentions(graph, layers)) {
    replaced.set(scores, single ? scoresOfOne(layer, scores) : scoresOf(layer, scores));
    replaced.set(mix, single ? mixOfOne(layer, mix) : mixOf(layer, mix));
  }
  return pruneGraph({
    ...graph,
    nodes: graph.nodes.flatMap((node) => replaced.get(node) ?? [node]),
    initializers: [
      ...withHalvesConstants(graph.initializers),
      constantTensor(KEY_ZERO, 'uint8', [], Uint8Array.of(128)),
    ],
    outputs: graph.outputs.filter(({ name }) => !name.includes('.encoder.')),
    opsets: new Map([...graph.opsets, [MICROSOFT, 1]]),
  });
}

/** Queries [rows, heads, queries, 64] times keys. The keys come scaled as the export's are. */
function scoresOf(layer: number, { inputs, outputs }: GraphNode): GraphNode[] {
  const { key, keyScale } = crossNames(layer);
  const value = (what: string) => `stored/${key}/${what}`;
  return [
    standardNode('Mul', [inputs[0] ?? '', keyScale], value('scaled')),
    standardNode('DequantizeLinear', [key, HALVES_ONE, KEY_ZERO], value('float')),
    timesTransposed(value('scaled'), value('float'), outputs[0] ?? ''),
  ];
}

/** Probabilities [rows, heads, queries, frames] times values. */
function mixOf(layer: number, { inputs, outputs }: GraphNode): GraphNode[] {
  const { value: values, valueScale } = crossNames(layer);
  const value = (what: string) => `stored/${values}/${what}`;
  return [
    standardNode('DequantizeLinear', [values, HALVES_ONE, HALVES_ZERO.int8], value('float')),
    standardNode('MatMul', [inputs[0] ?? '', value('float')], value('mixed')),
    standardNode('Mul', [value('mixed'), valueScale], outputs[0] ?? ''),
  ];
}

/**
 * As `scoresOf` for one query, the other way round: keys on the left are read as they lie, where on the right they would be
 * rearranged at every step, in twice the time.
 */
function scoresOfOne(layer: number, { inputs, outputs }: GraphNode): GraphNode[] {
  const { key, keyScale } = crossNames(layer);
  const value = (what: string) => `stored/${key}/${what}`;
  const halves = splitHalves(value('scaled'), value('query'), { axis: QUERIES, type: 'int8' });
  return [
    standardNode('Mul', [inputs[0] ?? '', keyScale], value('scaled')),
    ...halves.nodes,
    standardNode('Transpose', [halves.values], value('columns'), [intsAttribute('perm', [0, 1, 3, 2])]),
    standardNode('MatMulInteger', [key, value('columns'), KEY_ZERO], value('sums')),
    toFloat(value('sums'), value('product')),
    timesTransposed(halves.join, value('product'), outputs[0] ?? ''),
  ];
}

function mixOfOne(layer: number, { inputs, outputs }: GraphNode): GraphNode[] {
  const { value: values, valueScale } = crossNames(layer);
  const value = (what: string) => `stored/${values}/${what}`;
  const halves = splitHalves(inputs[0] ?? '', value('probabilities'), { axis: QUERIES, type: 'uint8' });
  return [
    ...halves.nodes,
    standardNode('MatMulInteger', [halves.values, values, HALVES_ZERO.uint8], value('sums')),
    toFloat(value('sums'), value('product')),
    standardNode('MatMul', [halves.join, value('product')], value('mixed')),
    standardNode('Mul', [value('mixed'), valueScale], outputs[0] ?? ''),
  ];
}

function timesTransposed(left: string, right: string, output: string): GraphNode {
  return { ...standardNode('FusedMatMul', [left, right], output, [intAttribute('transB', 1)]), domain: MICROSOFT };
}

function toFloat(sums: string, output: string): GraphNode {
  return standardNode('Cast', [sums], output, [intAttribute('to', ELEMENT.float32)]);
}
