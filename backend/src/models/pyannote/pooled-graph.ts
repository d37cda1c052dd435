/**
 * A speaker embedding graph with pyannote's masked statistics pooling for all speakers of a window at once, in place of
 * the pooling it was exported with. The network before the pooling, which takes nearly all of the time, then runs once a
 * window instead of once a speaker.
 */
import { deriveGraph, type GraphOnDisk, type SourceGraph } from '../derived-graph.ts';
import { type GraphIndex, indexGraph, integerAttribute } from '../graph-index.ts';
import {
  ELEMENT,
  graphMessage,
  graphWriter,
  modelMessage,
  nodeMessage,
  tensorMessage,
  valueInfo,
} from '../onnx-build.ts';
import type { GraphNode, OnnxFile } from '../onnx-file.ts';
import { pruneGraph } from '../prune-graph.ts';

/** Inputs and output of the rewritten graph. */
export const POOLED = {
  /** [B, T, bins] */
  features: 'pooled/features',
  /** [B, S, frames of the segmentation], 0 … 1 */
  masks: 'pooled/masks',
  /** [B · S, dimension] */
  embeddings: 'pooled/embeddings',
} as const;

/** ReduceSum and Unsqueeze take their axes as inputs from here on. */
const FIRST_OPSET = 13;
/** pyannote's, against division by zero (models/blocks/pooling.py). */
const EPSILON = 1e-8;

/** Where a graph is cut. */
interface Cut {
  /** Of the filterbank features. */
  input: string;
  /** What the network makes of each frame, [B, …, T']; the dimensions in between multiply to `width`. */
  frames: string;
  width: number;
  /** [B, 2 · width]: means, then standard deviations. */
  statistics: string;
  /** ONNX's element type inside the graph. */
  element: number;
}

/** The path of the rewritten graph. @throws Error with the reason where its structure is another. */
export function derivePooledGraph(graph: GraphOnDisk, derivedFolder: () => Promise<string>): Promise<string> {
  const derivation = {
    name: 'embedding_pooled',
    version: 1,
    sources: [graph],
    settings: [],
    build: ([source]: readonly SourceGraph[]) => write(source as SourceGraph),
  };
  return deriveGraph(derivation, derivedFolder);
}

function write(source: SourceGraph): Uint8Array {
  const opset = source.opsets.get('') ?? 0;
  if (opset < FIRST_OPSET) throw new Error(`The graph's operator set ${opset} is older than ${FIRST_OPSET}`);
  if (source.hasFunctions) throw new Error('The graph defines functions');
  const cut = findCut(source);
  const output = source.outputs[0]?.name as string;
  const rename = (name: string): string => {
    if (name === cut.input) return POOLED.features;
    if (name === cut.statistics) return 'pooled/statistics';
    return name === output ? POOLED.embeddings : name;
  };
  const pooling = poolingNodes(cut, rename(cut.frames));
  const kept = source.nodes.filter((node) => !node.outputs.includes(cut.statistics));
  const renamed = kept.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }));
  // What the pooling computes counts as given while the graph is looked through for what is needed.
  const wanted = [POOLED.embeddings, rename(cut.frames)].map((name) => ({ name, type: 'float32', shape: [] }));
  const { nodes, initializers } = pruneGraph({ nodes: renamed, initializers: source.initializers, outputs: wanted });
  const before = nodesBefore(nodes, rename(cut.frames));
  const message = graphMessage({
    name: 'speaker_embedding',
    nodes: [
      ...nodes.filter((node) => before.has(node)).map(nodeMessage),
      ...pooling.nodes,
      ...nodes.filter((node) => !before.has(node)).map(nodeMessage),
    ],
    initializers: [
      ...pooling.initializers,
      ...initializers.map((tensor) => tensorMessage(tensor, tensor.name, source.fileOf)),
    ],
    inputs: [
      valueInfo(POOLED.features, ELEMENT.float32, ['windows', 'feature_frames', 'bins']),
      valueInfo(POOLED.masks, ELEMENT.float32, ['windows', 'speakers', 'mask_frames']),
    ],
    outputs: [valueInfo(POOLED.embeddings, ELEMENT.float32, ['windows_and_speakers', 'dimension'])],
  });
  return modelMessage(message, source.irVersion, source.opsets);
}

/**
 * The pooling ends where the means and the standard deviations are put together for the last matrix product, and begins
 * at the last value that all of it is made from.
 */
function findCut(source: OnnxFile): Cut {
  const index = indexGraph(source);
  const [output] = source.outputs;
  const input = source.inputs.find(({ shape }) => shape.length === 3);
  if (output === undefined || source.outputs.length !== 1) throw new Error('The graph has several outputs');
  if (input === undefined || input.type !== 'float32') throw new Error('The graph has no float32 input [B, T, bins]');
  const { product, weight } = lastProduct(index, output.name);
  const statistics = product.inputs[0] as string;
  const joined = joinBehind(index, statistics);
  const frames = immediateDominator(index, input.name, joined);
  if (frames === input.name) throw new Error('The pooling is not separate from the network');
  const [rows = 0, columns = 0] = weight.dims;
  const width = (integerAttribute(product, 'transB') === 1 ? columns : rows) / 2;
  if (!Number.isInteger(width)) throw new Error(`The last product takes ${2 * width} values, which is odd`);
  return { input: input.name, frames, width, statistics, element: weight.dataType };
}

function lastProduct(index: GraphIndex, output: string) {
  for (let value: string | undefined = output; value !== undefined; ) {
    const node: GraphNode | undefined = index.producer(value);
    if (node === undefined) break;
    if (node.opType === 'Gemm' || node.opType === 'MatMul') {
      const weight = index.weight(node.inputs[1] ?? '');
      if (weight === undefined) break;
      if (weight.dataType !== ELEMENT.float32 && weight.dataType !== ELEMENT.float16) break;
      return { product: node, weight };
    }
    // A bias or a mean is the other operand.
    value = node.inputs.find(
      (name) => index.producer(name) !== undefined && index.producer(name)?.opType !== 'Constant',
    );
  }
  throw new Error('The graph does not end with a product with float weights');
}

/** The Concat of means and deviations, behind reshapes that the export may have put in between. */
function joinBehind(index: GraphIndex, statistics: string): GraphNode {
  for (let value: string | undefined = statistics; value !== undefined; ) {
    const node: GraphNode | undefined = index.producer(value);
    if (node === undefined) break;
    if (node.opType === 'Concat' && new Set(node.inputs).size === 2) return node;
    if (
      !['Concat', 'Squeeze', 'Unsqueeze', 'Reshape', 'Flatten', 'Identity', 'Dropout', 'Gather'].includes(node.opType)
    )
      break;
    value = node.inputs[0];
  }
  throw new Error('The last product does not take the join of two statistics');
}

/** The last value through which everything goes that `node` knows of `input`. */
function immediateDominator(index: GraphIndex, input: string, node: GraphNode): string {
  const order: GraphNode[] = [];
  const seen = new Set<GraphNode>();
  const collect = (from: GraphNode): void => {
    for (const name of from.inputs) {
      const producer = index.producer(name);
      if (producer === undefined || seen.has(producer)) continue;
      seen.add(producer);
      collect(producer);
      order.push(producer);
    }
  };
  collect(node);
  // Value → those that dominate it, nearest last; undefined: it does not depend on the input.
  const chains = new Map<string, readonly string[]>([[input, [input]]]);
  const chainOf = ({ inputs }: GraphNode): readonly string[] | undefined =>
    inputs
      .map((name) => chains.get(name))
      .filter((chain) => chain !== undefined)
      .reduce<readonly string[] | undefined>(
        (common, chain) => (common === undefined ? chain : shared(common, chain)),
        undefined,
      );
  for (const each of order) {
    const chain = chainOf(each);
    if (chain !== undefined) for (const value of each.outputs) chains.set(value, [...chain, value]);
  }
  const found = chainOf(node)?.at(-1);
  if (found === undefined) throw new Error('The statistics do not depend on the features');
  return found;
}

function shared(a: readonly string[], b: readonly string[]): readonly string[] {
  const end = a.findIndex((value, i) => b[i] !== value);
  return end === -1 ? a : a.slice(0, end);
}

/** Those that make `value`. */
function nodesBefore(nodes: readonly GraphNode[], value: string): ReadonlySet<GraphNode> {
  return new Set(pruneGraph({ nodes, initializers: [], outputs: [{ name: value, type: 'float32', shape: [] }] }).nodes);
}

/** pyannote's StatsPool: masks brought to T' frames by repetition, weighted mean and unbiased weighted deviation. */
function poolingNodes(cut: Cut, frames: string) {
  const writer = graphWriter('pooled');
  const { op, int64, float32 } = writer;
  const cast = (value: string, to: number) => (cut.element === ELEMENT.float32 ? value : op('Cast', [value], { to }));
  const dimension = (value: string, axis: number) => op('Gather', [op('Shape', [value]), int64([axis])]);
  const whole = (axis: number) => int64([axis], [1]);

  const windows = op('Gather', [op('Shape', [frames]), whole(0)]);
  const shape = op('Concat', [windows, whole(1), whole(cut.width), whole(-1)], { axis: 0 });
  // [B, 1, width, T']
  const x = cast(op('Reshape', [frames, shape]), ELEMENT.float32);
  const length = dimension(x, 3);
  // Frame t' takes the mask's frame ⌊t' · frames / T'⌋.
  const steps = op('Range', [int64([0]), length, int64([1])]);
  const nearest = op('Div', [op('Mul', [steps, dimension(POOLED.masks, 2)]), length]);
  // [B, S, 1, T']
  const weights = op('Unsqueeze', [op('Gather', [POOLED.masks, nearest], { axis: 2 }), whole(2)]);
  const sum = (value: string) => op('ReduceSum', [value, whole(3)], { keepdims: 1 });
  const v1 = op('Add', [sum(weights), float32(EPSILON)]);
  const v2 = sum(op('Mul', [weights, weights]));
  // [B, S, width, 1]
  const mean = op('Div', [sum(op('Mul', [x, weights])), v1]);
  const offset = op('Sub', [x, mean]);
  const squares = sum(op('Mul', [op('Mul', [offset, offset]), weights]));
  const correction = op('Add', [op('Sub', [v1, op('Div', [v2, v1])]), float32(EPSILON)]);
  const deviation = op('Sqrt', [op('Div', [squares, correction])]);
  const joined = op('Concat', [mean, deviation], { axis: 2 });
  const flat = op('Concat', [whole(-1), whole(2 * cut.width)], { axis: 0 });
  const statistics = cut.element === ELEMENT.float32 ? 'pooled/statistics' : undefined;
  const made = op('Reshape', [joined, flat], {}, statistics);
  if (statistics === undefined) op('Cast', [made], { to: cut.element }, 'pooled/statistics');
  return writer;
}
