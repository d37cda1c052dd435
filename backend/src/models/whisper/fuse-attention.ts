/**
 * Self-attention written out as MatMul, Softmax, MatMul becomes one `MultiHeadAttention` node of ONNX Runtime's own
 * operators (com.microsoft): it never holds the scores [heads, 1500, 1500] whole, and on GPUs runs as flash attention.
 */
import { type GraphIndex, indexGraph, integerAttribute, integersAttribute } from '../graph-index.ts';
import { floatAttribute, intAttribute, MICROSOFT } from '../onnx-build.ts';
import type { GraphNode, OnnxFile } from '../onnx-file.ts';
import { type Scaled, scaled } from '../scaled-value.ts';

/** [rows, length, heads, size] → [rows, heads, length, size], and the keys' [rows, heads, size, length]. */
const HEADS_FIRST = [0, 2, 1, 3];
const KEYS = [0, 2, 3, 1];

/** The graph's nodes, and how many attentions became one node each. What nothing uses any more is still among them. */
export function fuseAttention(
  graph: Pick<OnnxFile, 'nodes' | 'initializers'>,
  heads: number,
): { nodes: GraphNode[]; fused: number } {
  const index = indexGraph(graph);
  const replaced = new Map<GraphNode, GraphNode>();
  for (const softmax of graph.nodes) {
    const found = softmax.opType === 'Softmax' ? findAttention(index, softmax) : undefined;
    if (found !== undefined) replaced.set(found.last, attentionNode(found, heads));
  }
  return { nodes: graph.nodes.map((node) => replaced.get(node) ?? node), fused: replaced.size };
}

interface Attention {
  /** [rows, length, heads · size] */
  query: string;
  key: string;
  value: string;
  /** Of query times key. */
  scale: number;
  /** The node that gives the result, [rows, length, heads · size]. */
  last: GraphNode;
}

/** The attention around a softmax, if it is a plain one: no mask, nobody else reading the scores. */
function findAttention(index: GraphIndex, softmax: GraphNode): Attention | undefined {
  const axis = integerAttribute(softmax, 'axis') ?? -1;
  const scores = scaled(index, softmax.inputs[0] ?? '');
  const product = index.producer(scores.value);
  const mix = onlyConsumer(index, onlyUnguarded(index, softmax.outputs[0] ?? ''), 'MatMul');
  const turned = mix && onlyConsumer(index, mix.outputs[0] ?? '', 'Transpose');
  const last = turned && onlyConsumer(index, turned.outputs[0] ?? '', 'Reshape');
  if ((axis !== -1 && axis !== 3) || product?.opType !== 'MatMul' || last === undefined) return undefined;
  if (!sameOrder(integersAttribute(turned as GraphNode, 'perm'), HEADS_FIRST)) return undefined;
  const query = split(index, product.inputs[0] ?? '', HEADS_FIRST);
  const key = split(index, product.inputs[1] ?? '', KEYS);
  const value = split(index, mix?.inputs[1] ?? '', HEADS_FIRST);
  if (query === undefined || key === undefined || value?.scale !== 1) return undefined;
  const scale = scores.scale * query.scale * key.scale;
  return { query: query.value, key: key.value, value: value.value, scale, last };
}

function attentionNode({ query, key, value, scale, last }: Attention, heads: number): GraphNode {
  return {
    opType: 'MultiHeadAttention',
    domain: MICROSOFT,
    name: `${last.name}/attention`,
    inputs: [query, key, value],
    outputs: last.outputs,
    attributes: [intAttribute('num_heads', heads), floatAttribute('scale', scale)],
  };
}

/** Backwards through transpositions that come to `order` and the reshape that split the heads. */
function split(index: GraphIndex, value: string, order: readonly number[]): Scaled | undefined {
  let at = scaled(index, value);
  let total = [0, 1, 2, 3];
  for (let node = index.producer(at.value); node?.opType === 'Transpose'; node = index.producer(at.value)) {
    const perm = integersAttribute(node, 'perm');
    if (perm?.length !== 4) return undefined;
    total = total.map((axis) => perm[axis] as number);
    const before = scaled(index, node.inputs[0] ?? '');
    at = { value: before.value, scale: at.scale * before.scale };
  }
  const reshape = index.producer(at.value);
  if (reshape?.opType !== 'Reshape' || !sameOrder(total, order)) return undefined;
  const source = scaled(index, reshape.inputs[0] ?? '');
  return { value: source.value, scale: at.scale * source.scale };
}

/** Some exports replace rows that are all masked, which there are none of here: Where(IsNaN(x), 0, x) → x. */
function onlyUnguarded(index: GraphIndex, probabilities: string): string {
  const users = index.consumers(probabilities);
  const isNan = users.find(({ opType }) => opType === 'IsNaN');
  const where = users.find(({ opType, inputs }) => opType === 'Where' && inputs[0] === isNan?.outputs[0]);
  return users.length === 2 && where !== undefined ? (where.outputs[0] ?? '') : probabilities;
}

function onlyConsumer(index: GraphIndex, value: string, opType: string): GraphNode | undefined {
  const users = index.consumers(value);
  const [user] = users;
  return users.length === 1 && user?.opType === opType && user.inputs[0] === value ? user : undefined;
}

function sameOrder(order: readonly number[] | undefined, wanted: readonly number[]): boolean {
  return order?.length === wanted.length && wanted.every((axis, i) => order[i] === axis);
}
