/**
 * A speaker embedding graph with pyannote's masked statistics pooling for all speakers of a window at once, in place of
 * the pooling it was exported with. The network before the pooling, which takes nearly all of the time, then runs once a
 * window instead of once a speaker.
 */
import { deriveGraph, type GraphOnDisk, type SourceGraph } from '../derived-graph.ts';
import {
  ELEMENT,
  type GraphWriter,
  graphMessage,
  graphWriter,
  modelMessage,
  nodeMessage,
  tensorMessage,
  valueInfo,
} from '../onnx-build.ts';
import type { GraphNode, OnnxFile } from '../onnx-file.ts';
import { pruneGraph } from '../prune-graph.ts';
import { sortNodes } from '../sort-nodes.ts';

/** Inputs and output of the rewritten graph. */
export const POOLED = {
  /** [B, T, bins] */
  features: 'pooled/features',
  /** [B, S, frames of the segmentation], 0 … 1 */
  masks: 'pooled/masks',
  /** [B · S, dimension] */
  embeddings: 'pooled/embeddings',
} as const;

/** [B · S, 2 · width]: what goes on in the graph as exported. */
const STATISTICS = 'pooled/statistics';
/** ReduceSum and Unsqueeze take their axes as inputs from here on. */
const FIRST_OPSET = 13;
/** pyannote's, against division by zero (models/blocks/pooling.py). */
const EPSILON = 1e-8;

/** Where a graph is cut. */
interface Cut {
  /** Of the filterbank features. */
  input: string;
  /** What the network makes of each frame, [B, …, T']. */
  frames: string;
  /** [B, 2 · width]: means, then standard deviations; width is the product of the dimensions between B and T'. */
  statistics: string;
  /** Values inside the graph are float16. */
  isHalf: boolean;
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
    if (name === cut.statistics) return STATISTICS;
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
 * The pooling ends where the means and the standard deviations are joined, the last two values of the graph that are, and
 * begins at the last value that all of them is made from.
 */
function findCut({ nodes, initializers, inputs, outputs }: OnnxFile): Cut {
  const input = inputs.find(({ shape }) => shape.length === 3);
  if (input === undefined || input.type !== 'float32') throw new Error('The graph has no float32 input [B, T, bins]');
  const needed = pruneGraph({ nodes, initializers: [], outputs: outputs.slice(0, 1) });
  // Value → those through which everything goes that it knows of the features, nearest last; nothing for constants.
  const dominators = new Map<string, readonly string[]>([[input.name, [input.name]]]);
  let cut: { frames: string; statistics: string } | undefined;
  for (const node of sortNodes(needed.nodes)) {
    const chains = [...new Set(node.inputs)].map((name) => dominators.get(name)).filter((chain) => chain !== undefined);
    const [first, second] = chains;
    if (first === undefined) continue;
    const common = chains.reduce(shared);
    for (const value of node.outputs) dominators.set(value, [...common, value]);
    const frames = common.at(-1);
    const isJoin = node.opType === 'Concat' && second !== undefined && chains.length === node.inputs.length;
    if (isJoin && frames !== undefined) cut = { frames, statistics: node.outputs[0] as string };
  }
  if (cut === undefined || cut.frames === input.name)
    throw new Error('The graph joins no two statistics of its frames');
  return {
    input: input.name,
    frames: cut.frames,
    statistics: behindReshapes(needed.nodes, cut.statistics),
    isHalf: initializers.some(({ dataType }) => dataType === ELEMENT.float16),
  };
}

/** What exports put behind the join, which may have more dimensions than two: statistics come as two from here. */
const RESHAPES = ['Unsqueeze', 'Concat', 'Squeeze', 'Reshape', 'Flatten', 'Identity', 'Dropout', 'Gather'];

function behindReshapes(nodes: readonly GraphNode[], joined: string): string {
  const [user, ...others] = nodes.filter(({ inputs }) => inputs.includes(joined));
  const [output] = user?.outputs ?? [];
  const passes = user !== undefined && others.length === 0 && RESHAPES.includes(user.opType);
  return passes && output !== undefined ? behindReshapes(nodes, output) : joined;
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
function poolingNodes({ isHalf }: Cut, frames: string): GraphWriter {
  const writer = graphWriter('pooled');
  const { op, int64, float32 } = writer;
  const dimension = (value: string, axis: number) => op('Gather', [op('Shape', [value]), int64([axis])]);
  const whole = (axis: number) => int64([axis], [1]);

  const size = (axis: number) => op('Gather', [op('Shape', [frames]), whole(axis)]);
  const shape = op('Concat', [size(0), whole(1), whole(-1), size(-1)], { axis: 0 });
  // [B, 1, width, T']
  const values = op('Reshape', [frames, shape]);
  const x = isHalf ? op('Cast', [values], { to: ELEMENT.float32 }) : values;
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
  const flat = op('Concat', [whole(-1), op('Gather', [op('Shape', [joined]), whole(2)])], { axis: 0 });
  if (!isHalf) op('Reshape', [joined, flat], {}, STATISTICS);
  else op('Cast', [op('Reshape', [joined, flat])], { to: ELEMENT.float16 }, STATISTICS);
  return writer;
}
