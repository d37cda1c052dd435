/** A graph with the graphs inside its nodes, as far as types and places of its values depend on it. */
import { readFileSync } from 'node:fs';
import { readNode } from '../../../backend/src/models/onnx-file.ts';
import { integers, readFields, texts, type WireField } from '../../../backend/src/models/wire.ts';

export interface StructureNode {
  opType: string;
  domain: string;
  name: string;
  inputs: readonly string[];
  outputs: readonly string[];
  /** Attributes of whole numbers: `to`, `axis`. */
  integers: ReadonlyMap<string, number>;
  /** The attribute `value` of Constant and ConstantOfShape. */
  value: Constant | undefined;
  /** `body`, `then_branch`, `else_branch` */
  graphs: ReadonlyMap<string, GraphStructure>;
}

export interface Constant {
  type: string;
  /** Number of elements. */
  count: number;
}

export interface TypedValue {
  name: string;
  type: string;
}

export interface GraphStructure {
  /** In an order in which each stands behind those it reads from. */
  nodes: readonly StructureNode[];
  initializers: ReadonlyMap<string, Constant>;
  inputs: readonly TypedValue[];
  outputs: readonly TypedValue[];
}

/** TensorProto.DataType */
const TYPES: Record<number, string> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
};

/** `path`: a model that holds no weights, or small ones. Field numbers: onnx/onnx.proto. */
export function readStructure(path: string): { graph: GraphStructure; opset: number } {
  const fields = readFields(readFileSync(path));
  const [graph] = payloads(fields, 7);
  if (graph === undefined) throw new Error(`${path} has no graph`);
  const versions = payloads(fields, 8).map((message) => {
    const opset = readFields(message);
    return [texts(opset, 1)[0] ?? '', integers(opset, 2)[0] ?? 0] as const;
  });
  return { graph: readGraph(graph), opset: new Map(versions).get('') ?? 0 };
}

/** GraphProto: node 1, initializer 5, input 11, output 12. */
function readGraph(message: Uint8Array): GraphStructure {
  const fields = readFields(message);
  return {
    nodes: payloads(fields, 1).map(readStructureNode),
    initializers: new Map(
      payloads(fields, 5).map((tensor) => [texts(readFields(tensor), 8)[0] ?? '', constantOf(tensor)]),
    ),
    inputs: payloads(fields, 11).map(readValue),
    outputs: payloads(fields, 12).map(readValue),
  };
}

/** AttributeProto: name 1, i 3, t 5, g 6. */
function readStructureNode(message: Uint8Array): StructureNode {
  const { attributes, ...node } = readNode(message);
  const decoded = attributes.map((attribute) => {
    const fields = readFields(attribute);
    return { name: texts(fields, 1)[0] ?? '', fields };
  });
  const value = decoded.filter(({ name }) => name === 'value').flatMap(({ fields }) => payloads(fields, 5))[0];
  return {
    ...node,
    integers: new Map(
      decoded.flatMap(({ name, fields }) => {
        // Negative numbers, an axis from the end, take more bytes than are read.
        const number = fields.find((field) => field.number === 3 && field.payload.length < 8);
        return number === undefined ? [] : [[name, integers([number], 3)[0] ?? 0] as const];
      }),
    ),
    value: value === undefined ? undefined : constantOf(value),
    graphs: new Map(
      decoded.flatMap(({ name, fields }) => payloads(fields, 6).map((graph) => [name, readGraph(graph)] as const)),
    ),
  };
}

/** TensorProto: dims 1, data_type 2. */
function constantOf(tensor: Uint8Array): Constant {
  const fields = readFields(tensor);
  const count = integers(fields, 1).reduce((product, size) => product * size, 1);
  return { type: typeNamed(integers(fields, 2)[0]), count };
}

/** ValueInfoProto: name 1, type 2 → tensor_type 1 → elem_type 1. */
function readValue(message: Uint8Array): TypedValue {
  const fields = readFields(message);
  const [type] = payloads(fields, 2).flatMap((of) => payloads(readFields(of), 1));
  return { name: texts(fields, 1)[0] ?? '', type: typeNamed(integers(readFields(type ?? Buffer.alloc(0)), 1)[0]) };
}

export function typeNamed(number: number | undefined): string {
  return TYPES[number ?? 0] ?? 'unknown';
}

function payloads(fields: readonly WireField[], wanted: number): Uint8Array[] {
  return fields.filter(({ number }) => number === wanted).map(({ payload }) => payload);
}
