/** Who makes and who uses a graph's values, and what its constants are: what looking for patterns of nodes takes. */

import type { GraphNode, GraphTensor, OnnxFile } from './onnx-file.ts';
import { readFields, type WireField } from './wire.ts';

export interface GraphIndex {
  /** The node that makes a value; undefined for inputs and weights. */
  producer(value: string): GraphNode | undefined;
  consumers(value: string): readonly GraphNode[];
  weight(name: string): GraphTensor | undefined;
  /** Of a floating-point constant with one element, else undefined. */
  scalar(value: string): number | undefined;
  /** Of a constant of 64-bit integers, few enough to be part of the graph (a shape), else undefined. */
  integers(value: string): number[] | undefined;
}

export function indexGraph({ nodes, initializers }: Pick<OnnxFile, 'nodes' | 'initializers'>): GraphIndex {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const consumers = new Map<string, GraphNode[]>();
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) consumers.set(input, [...(consumers.get(input) ?? []), node]);
  }
  const weights = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  return {
    producer: (value) => producers.get(value),
    consumers: (value) => consumers.get(value) ?? [],
    weight: (name) => weights.get(name),
    scalar(value) {
      const held = weights.get(value);
      if (held !== undefined) return held.stored === undefined ? scalarOf(held.fields) : undefined;
      const node = producers.get(value);
      const tensor = node?.opType === 'Constant' ? attribute(node, 'value', ATTRIBUTE.tensor) : undefined;
      return tensor === undefined ? undefined : scalarOf(readFields(tensor));
    },
    integers(value) {
      const tensor = weights.get(value);
      return tensor?.dataType === INT64 && tensor.stored === undefined ? integersOf(tensor.fields) : undefined;
    },
  };
}

/** AttributeProto */
const ATTRIBUTE = { name: 1, integer: 3, tensor: 5, integers: 8 };

function attribute(node: GraphNode, name: string, field: number): Uint8Array | undefined {
  return attributeFields(node, name)?.find(({ number }) => number === field)?.payload;
}

function attributeFields(node: GraphNode, name: string): WireField[] | undefined {
  return node.attributes.map(readFields).find((fields) => textOf(fields) === name);
}

function textOf(fields: readonly WireField[]): string {
  const payload = fields.find(({ number }) => number === ATTRIBUTE.name)?.payload;
  return Buffer.from(payload ?? []).toString('utf8');
}

/** A node's integer attribute; undefined where it is not set. */
export function integerAttribute(node: GraphNode, name: string): number | undefined {
  const payload = attribute(node, name, ATTRIBUTE.integer);
  return payload === undefined ? undefined : signedVarints(payload)[0];
}

/** A node's attribute of several integers; undefined where it is not set. */
export function integersAttribute(node: GraphNode, name: string): number[] | undefined {
  const fields = attributeFields(node, name)?.filter(({ number }) => number === ATTRIBUTE.integers);
  return fields?.flatMap(({ payload }) => signedVarints(payload));
}

/** Two's complement in 64 bits, which is beyond what numbers hold exactly. */
function signedVarints(payload: Uint8Array): number[] {
  const values: number[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of payload) {
    value |= BigInt(byte & 127) << shift;
    shift += 7n;
    if (byte >= 128) continue;
    values.push(Number(BigInt.asIntN(64, value)));
    value = 0n;
    shift = 0n;
  }
  return values;
}

/** TensorProto */
const TENSOR = { type: 2, floats: 4, integers: 7, raw: 9 };
const FLOAT = 1;
const INT64 = 7;
const HALF = 10;

function scalarOf(tensor: readonly WireField[]): number | undefined {
  const payloadOf = (wanted: number) => tensor.find(({ number }) => number === wanted)?.payload;
  const type = payloadOf(TENSOR.type)?.[0];
  const data = payloadOf(TENSOR.raw) ?? (type === FLOAT ? payloadOf(TENSOR.floats) : undefined);
  if (data === undefined) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (type === FLOAT && view.byteLength === 4) return view.getFloat32(0, true);
  if (type === HALF && view.byteLength === 2) return view.getFloat16(0, true);
  return undefined;
}

function integersOf(tensor: readonly WireField[]): number[] {
  const raw = tensor.find(({ number }) => number === TENSOR.raw)?.payload;
  if (raw === undefined) {
    return tensor.flatMap(({ number, payload }) => (number === TENSOR.integers ? signedVarints(payload) : []));
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: raw.byteLength / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
}
