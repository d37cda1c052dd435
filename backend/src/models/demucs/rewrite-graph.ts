/**
 * A HTDemucs graph, freed of what follows from constants, in operators that take less time and memory for the same result
 * (within rounding). What has another form than PyTorch's exporter gives it stays as it is.
 */
import { type GraphIndex, indexGraph, integerAttribute, integersAttribute } from '../graph-index.ts';
import { constantTensor, floatAttribute, intAttribute, intsAttribute, MICROSOFT } from '../onnx-build.ts';
import type { GraphNode, GraphTensor, OnnxFile } from '../onnx-file.ts';
import { pruneGraph } from '../prune-graph.ts';
import { scaled } from '../scaled-value.ts';
import { sortNodes } from '../sort-nodes.ts';
import { standardNode } from '../standard-node.ts';

/** First operator set with LayerNormalization. */
const LAYER_NORMALIZATION = 17;
/** Rows from which normalising them side by side pays. */
const MANY_ROWS = 8;

/** What takes the place of the node that gives the same output. */
interface Replacement {
  output: string;
  nodes: GraphNode[];
  constants?: GraphTensor[];
}

export interface Rewritten<G> {
  graph: G;
  /** How many of each were found. */
  attentions: number;
  normalizations: number;
  gates: number;
}

export function rewriteGraph<G extends OnnxFile>(graph: G): Rewritten<G> {
  const index = indexGraph(graph);
  const found = (opType: string, replace: (index: GraphIndex, node: GraphNode) => Replacement[] | undefined) =>
    graph.nodes.flatMap((node) => (node.opType === opType ? [replace(index, node) ?? []] : [])).filter(hasAny);
  const attentions = found('Softmax', attention);
  const normalizations =
    (graph.opsets.get('') ?? 0) < LAYER_NORMALIZATION ? [] : found('InstanceNormalization', normalization);
  const gates = found('Split', gate);
  const all = [...attentions, ...normalizations, ...gates].flat();
  const outputs = new Set(all.map(({ output }) => output));
  const kept = graph.nodes.filter((node) => !node.outputs.some((output) => outputs.has(output)));
  return {
    graph: pruneGraph({
      ...graph,
      nodes: sortNodes([...kept, ...all.flatMap(({ nodes }) => nodes)]),
      initializers: [...graph.initializers, ...all.flatMap(({ constants = [] }) => constants)],
      opsets: new Map([...graph.opsets, [MICROSOFT, 1]]),
    }),
    attentions: attentions.length,
    normalizations: normalizations.length,
    gates: gates.length,
  };
}

/**
 * softmax(q·kᵀ)·v, all [1, heads, length, size], becomes one node that never holds the scores [heads, 2688, 2688] whole
 * (231 MB).
 */
function attention(index: GraphIndex, softmax: GraphNode): Replacement[] | undefined {
  const axis = integerAttribute(softmax, 'axis') ?? -1;
  const scores = scaled(index, softmax.inputs[0] ?? '');
  const product = index.producer(scores.value);
  const mix = onlyConsumer(index, softmax.outputs[0], 'MatMul');
  if ((axis !== -1 && axis !== 3) || product?.opType !== 'MatMul' || mix?.inputs[0] !== softmax.outputs[0]) {
    return undefined;
  }
  const query = scaled(index, product.inputs[0] ?? '');
  const turned = scaled(index, product.inputs[1] ?? '');
  const transposition = index.producer(turned.value);
  const value = mix?.inputs[1] ?? '';
  const [rows, heads, , size] = shapeOf(index, value) ?? [];
  if (transposition?.opType !== 'Transpose' || rows !== 1 || heads === undefined || size === undefined)
    return undefined;
  if (integersAttribute(transposition, 'perm')?.join() !== '0,1,3,2') return undefined;
  const output = mix?.outputs[0] ?? '';
  const made = (name: string) => `${output}/fused/${name}`;
  const parts = { query: query.value, key: transposition.inputs[0] ?? '', value };
  const [joined, split] = [made('joined'), made('split')];
  const attended: GraphNode = {
    opType: 'MultiHeadAttention',
    domain: MICROSOFT,
    name: made('attention'),
    inputs: Object.keys(parts).map(made),
    outputs: [made('result')],
    attributes: [intAttribute('num_heads', heads), floatAttribute('scale', scores.scale * query.scale * turned.scale)],
  };
  const swap = [intsAttribute('perm', [0, 2, 1, 3])];
  const nodes = [
    // [1, heads, length, size] → [1, length, heads · size], and back.
    ...Object.entries(parts).flatMap(([name, from]) => [
      standardNode('Transpose', [from], made(`${name}/turned`), swap),
      standardNode('Reshape', [made(`${name}/turned`), joined], made(name)),
    ]),
    attended,
    standardNode('Reshape', [made('result'), split], made('heads')),
    standardNode('Transpose', [made('heads')], output, swap),
  ];
  return [
    {
      output,
      nodes,
      constants: [shapeTensor(joined, [1, -1, heads * size]), shapeTensor(split, [1, -1, heads, size])],
    },
  ];
}

/**
 * GroupNorm of one group, which the exporter writes as InstanceNormalization between two reshapes and then scales and
 * shifts: one LayerNormalization, whose rows run side by side and which reads its input once.
 */
function normalization(index: GraphIndex, node: GraphNode): Replacement[] | undefined {
  const flat = index.producer(node.inputs[0] ?? '');
  const shaped = onlyConsumer(index, node.outputs[0], 'Reshape');
  const multiplied = onlyConsumer(index, shaped?.outputs[0], 'Mul');
  const added = onlyConsumer(index, multiplied?.outputs[0], 'Add');
  const isPlain = index.scalar(node.inputs[1] ?? '') === 1 && index.scalar(node.inputs[2] ?? '') === 0;
  if (flat?.opType !== 'Reshape' || added === undefined || !isPlain) return undefined;
  const [, groups, rest] = index.integers(flat.inputs[1] ?? '') ?? [];
  const [rows = 0, channels = 0, length = 0, ...more] = index.integers(shaped?.inputs[1] ?? '') ?? [];
  const scale = otherInput(multiplied, shaped?.outputs[0]);
  const shift = otherInput(added, multiplied?.outputs[0]);
  const isOfChannels = [scale, shift].every((name) => index.weight(name)?.dims.join() === `${channels},1`);
  const isKnown = rows >= MANY_ROWS && channels > 0 && length > 0 && more.length === 0;
  if (groups !== 1 || rest !== -1 || !isKnown || !isOfChannels) return undefined;
  const output = added.outputs[0] ?? '';
  const made = (name: string) => `${output}/fused/${name}`;
  // Constants, which the runtime computes when it loads the graph: [channels, 1] → [channels, length].
  const wide = [scale, shift].map((name, i) => standardNode('Expand', [name, made('shape')], made(`wide${i}`)));
  const attributes = [...node.attributes, intAttribute('axis', 1)];
  const inputs = [flat.inputs[0] ?? '', made('wide0'), made('wide1')];
  return [
    {
      output,
      nodes: [...wide, standardNode('LayerNormalization', inputs, output, attributes)],
      constants: [shapeTensor(made('shape'), [channels, length])],
    },
  ];
}

/** A convolution whose halves gate each other (GLU) is made in two: its result is never copied to be split. */
function gate(index: GraphIndex, split: GraphNode): Replacement[] | undefined {
  const convolution = index.producer(split.inputs[0] ?? '');
  const [source = '', weight = '', bias] = convolution?.inputs ?? [];
  const isAlone = index.consumers(split.inputs[0] ?? '').length === 1;
  const isHalved = split.outputs.length === 2 && integerAttribute(split, 'axis') === 1 && split.inputs.length === 1;
  if (convolution?.opType !== 'Conv' || !isAlone || !isHalved || bias === undefined) return undefined;
  if ([weight, bias].some((name) => index.weight(name) === undefined)) return undefined;
  if ((integerAttribute(convolution, 'group') ?? 1) !== 1) return undefined;
  const made = (name: string, half: number) => `${split.outputs[half]}/fused/${name}`;
  const halves = (name: string, from: string): GraphNode => ({
    ...split,
    name: made(name, 0),
    inputs: [from],
    outputs: [made(name, 0), made(name, 1)],
    attributes: [intAttribute('axis', 0)],
  });
  return split.outputs.map((output, half) => ({
    output,
    nodes: [
      // Of constants: the runtime does it when it loads the graph.
      ...(half === 0 ? [halves('weight', weight), halves('bias', bias)] : []),
      {
        ...convolution,
        name: made('convolution', half),
        inputs: [source, made('weight', half), made('bias', half)],
        outputs: [output],
      },
    ],
  }));
}

/** What a reshape with a constant shape gives. */
function shapeOf(index: GraphIndex, value: string): number[] | undefined {
  const node = index.producer(value);
  return node?.opType === 'Reshape' ? index.integers(node.inputs[1] ?? '') : undefined;
}

function onlyConsumer(index: GraphIndex, value: string | undefined, opType: string): GraphNode | undefined {
  const users = value === undefined ? [] : index.consumers(value);
  return users.length === 1 && users[0]?.opType === opType ? users[0] : undefined;
}

function otherInput(node: GraphNode | undefined, value: string | undefined): string {
  return node?.inputs.find((input) => input !== value) ?? '';
}

function shapeTensor(name: string, dims: readonly number[]): GraphTensor {
  return constantTensor(name, 'int64', [dims.length], BigInt64Array.from(dims, BigInt));
}

function hasAny(replacements: readonly Replacement[]): boolean {
  return replacements.length > 0;
}
