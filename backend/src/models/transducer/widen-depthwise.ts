import { integerField, integers, messageField, readFields, textField, texts } from '../wire.ts';
import { linkNodes, type OnnxInitializer, type OnnxModel, type OnnxNode } from './onnx-graph.ts';

/** Reshape targets; 0 keeps a dimension. [1, C, T] → [1, C, 1, T] and back. */
const WIDE = { name: 'widen_depthwise_4d', dims: [0, 0, 1, -1] };
const NARROW = { name: 'widen_depthwise_3d', dims: [0, 0, -1] };

export interface DepthwiseEdits {
  nodes: Map<OnnxNode, OnnxNode[]>;
  initializers: Map<string, Uint8Array>;
  newInitializers: Uint8Array[];
}

/**
 * Turns depthwise convolutions over time (Conv with a one-dimensional kernel, group = channels) into two-dimensional
 * ones of height 1. The arithmetic is the same, but ONNX Runtime's CPU has a blocked depthwise kernel for two
 * dimensions only; in one it computes a matrix product per channel. Measured on the 3.3M gigaspeech encoder: 3.8 → 3.2 ms
 * per chunk.
 */
export function widenDepthwise(model: OnnxModel): DepthwiseEdits {
  const edits: DepthwiseEdits = { nodes: new Map(), initializers: new Map(), newInitializers: [] };
  const { users } = linkNodes(model);
  for (const node of model.nodes) {
    const weight = model.initializers.get(node.inputs[1] ?? '');
    const attributes = weight && widenedAttributes(node, weight);
    if (weight === undefined || attributes === undefined || users.get(weight.name)?.length !== 1) continue;
    const [input = '', ...parameters] = node.inputs;
    const wide = `${node.name}_wide`;
    const narrow = `${node.name}_narrow`;
    edits.initializers.set(weight.name, widenedWeight(weight));
    edits.nodes.set(node, [
      reshape(`${node.name}/Widen`, input, WIDE.name, wide),
      { ...node, inputs: [wide, ...parameters], outputs: [narrow], attributes },
      reshape(`${node.name}/Narrow`, narrow, NARROW.name, node.outputs[0] ?? ''),
    ]);
  }
  if (edits.nodes.size > 0) edits.newInitializers = [WIDE, NARROW].map(int64Vector);
  return edits;
}

function reshape(name: string, input: string, shape: string, output: string): OnnxNode {
  return { name, opType: 'Reshape', inputs: [input, shape], outputs: [output], attributes: [] };
}

/** The attributes for two dimensions, or undefined when the node is no depthwise convolution over time. */
function widenedAttributes(node: OnnxNode, weight: OnnxInitializer): Uint8Array[] | undefined {
  // Weight [channels, 1, kernel]
  if (node.opType !== 'Conv' || weight.dims.length !== 3 || weight.dims[1] !== 1) return undefined;
  const widened: Uint8Array[] = [];
  for (const attribute of node.attributes) {
    // AttributeProto: name 1, i 3, ints 8, type 20
    const fields = readFields(attribute);
    const [name = ''] = texts(fields, 1);
    const values = integers(fields, 8);
    if (name === 'group') {
      if (integers(fields, 3)[0] !== weight.dims[0]) return undefined;
      widened.push(attribute);
    } else if (name === 'pads') widened.push(intsAttribute(name, [0, values[0] ?? 0, 0, values[1] ?? 0]));
    else if (name === 'kernel_shape' || name === 'strides' || name === 'dilations') {
      widened.push(intsAttribute(name, [1, ...values]));
    } else if (name === 'auto_pad') widened.push(attribute);
    else return undefined;
  }
  return widened;
}

function intsAttribute(name: string, values: readonly number[]): Uint8Array {
  const INTS = 7;
  return Buffer.concat([textField(1, name), ...values.map((value) => integerField(8, value)), integerField(20, INTS)]);
}

/** [channels, 1, kernel] → [channels, 1, 1, kernel], data untouched. */
function widenedWeight({ dims, fields }: OnnxInitializer): Uint8Array {
  const [channels = 0, , kernel = 0] = dims;
  return Buffer.concat([
    ...[channels, 1, 1, kernel].map((dim) => integerField(1, dim)),
    ...fields.filter((field) => field.number !== 1).map((field) => field.bytes),
  ]);
}

function int64Vector({ name, dims }: { name: string; dims: readonly number[] }): Uint8Array {
  const INT64 = 7;
  const data = new DataView(new ArrayBuffer(8 * dims.length));
  for (const [i, value] of dims.entries()) data.setBigInt64(8 * i, BigInt(value), true);
  return Buffer.concat([
    integerField(1, dims.length),
    integerField(2, INT64),
    textField(8, name),
    messageField(9, [new Uint8Array(data.buffer)]),
  ]);
}
