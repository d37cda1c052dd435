/** ONNX messages of our own making: nodes, constants, inputs and outputs of a graph. Field numbers: onnx/onnx.proto. */

import type { GraphNode, GraphTensor, StoredData } from './onnx-file.ts';
import { floatField, integerField, messageField, readFields, textField } from './wire.ts';

/** TensorProto.DataType */
export const ELEMENT = { float32: 1, uint8: 2, int8: 3, int64: 7, bool: 9, float16: 10, float64: 11 } as const;
export type ElementType = keyof typeof ELEMENT;

/** The domain of ONNX Runtime's own operators. */
export const MICROSOFT = 'com.microsoft';

/** AttributeProto: name 1, i 3, g 6, type 20 (INT 2, GRAPH 5). */
export function intAttribute(name: string, value: number): Uint8Array {
  return Buffer.concat([textField(1, name), integerField(3, value), integerField(20, 2)]);
}

/** AttributeProto: ints 8 (INTS 7); −1 counts from the end. */
export function intsAttribute(name: string, values: readonly number[]): Uint8Array {
  return Buffer.concat([textField(1, name), ...values.map((value) => integerField(8, value)), integerField(20, 7)]);
}

/** AttributeProto: f 2 (FLOAT 1). */
export function floatAttribute(name: string, value: number): Uint8Array {
  return Buffer.concat([textField(1, name), floatField(2, value), integerField(20, 1)]);
}

export function graphAttribute(name: string, graph: Uint8Array): Uint8Array {
  return Buffer.concat([textField(1, name), messageField(6, [graph]), integerField(20, 5)]);
}

export function nodeMessage(node: GraphNode): Uint8Array {
  return Buffer.concat([
    ...node.inputs.map((name) => textField(1, name)),
    ...node.outputs.map((name) => textField(2, name)),
    textField(3, node.name),
    textField(4, node.opType),
    ...node.attributes.map((attribute) => messageField(5, [attribute])),
    ...(node.domain === '' ? [] : [textField(7, node.domain)]),
  ]);
}

/** TensorProto: dims 1, data_type 2, name 8, raw_data 9. */
export function constantMessage(name: string, type: ElementType, dims: readonly number[], raw: Uint8Array): Uint8Array {
  return Buffer.concat([
    ...dims.map((dim) => integerField(1, dim)),
    integerField(2, ELEMENT[type]),
    textField(8, name),
    messageField(9, [raw]),
  ]);
}

/** A constant as part of a graph's weights. */
export function constantTensor(
  name: string,
  type: ElementType,
  dims: number[],
  data: Float32Array | BigInt64Array | Int8Array | Uint8Array,
): GraphTensor {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const fields = readFields(constantMessage(name, type, dims, raw));
  return { name, dims, dataType: ELEMENT[type], stored: undefined, fields };
}

/** A tensor under another name: its weights where they lie, in `file` beside the graph, or its small contents copied. */
export function tensorMessage(tensor: GraphTensor, name: string, file: (stored: StoredData) => string): Uint8Array {
  const { stored } = tensor;
  if (stored === undefined) {
    const kept = tensor.fields.filter(({ number }) => number !== 8 && number !== 12);
    return Buffer.concat([...kept.map(({ bytes }) => bytes), textField(8, name)]);
  }
  const where = { location: file(stored), offset: `${stored.offset}`, length: `${stored.length}` };
  return Buffer.concat([
    ...tensor.dims.map((dim) => integerField(1, dim)),
    integerField(2, tensor.dataType),
    textField(8, name),
    ...Object.entries(where).map(([key, value]) => messageField(13, [textField(1, key), textField(2, value)])),
    integerField(14, 1),
  ]);
}

/** A string stands for a dimension known at run time; dimensions of one name are equal. */
export function valueInfo(name: string, elementType: number, shape: readonly (number | string)[]): Uint8Array {
  const dims = shape.map((dim) =>
    messageField(1, [typeof dim === 'number' ? integerField(1, dim) : textField(2, dim)]),
  );
  const tensor = [integerField(1, elementType), messageField(2, dims)];
  return Buffer.concat([textField(1, name), messageField(2, [messageField(1, tensor)])]);
}

export interface GraphParts {
  name: string;
  nodes: readonly Uint8Array[];
  initializers: readonly Uint8Array[];
  inputs: readonly Uint8Array[];
  outputs: readonly Uint8Array[];
}

/** GraphProto: node 1, name 2, initializer 5, input 11, output 12. */
export function graphMessage({ name, nodes, initializers, inputs, outputs }: GraphParts): Uint8Array {
  const each = (number: number, messages: readonly Uint8Array[]) =>
    messages.map((part) => messageField(number, [part]));
  return Buffer.concat([
    ...each(1, nodes),
    textField(2, name),
    ...each(5, initializers),
    ...each(11, inputs),
    ...each(12, outputs),
  ]);
}

/** ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8. */
export function modelMessage(graph: Uint8Array, irVersion: number, opsets: ReadonlyMap<string, number>): Uint8Array {
  return Buffer.concat([
    integerField(1, irVersion),
    textField(2, 'audio-gateway'),
    messageField(7, [graph]),
    ...[...opsets].map(([domain, version]) =>
      messageField(8, [...(domain === '' ? [] : [textField(1, domain)]), integerField(2, version)]),
    ),
  ]);
}

/** Whole numbers, one or several. */
type Attributes = Record<string, number | readonly number[]>;

/** Nodes and constants collected one by one, their values' names made up on the way. */
export interface GraphWriter {
  nodes: Uint8Array[];
  initializers: Uint8Array[];
  /** Adds a node of one output; returns the output's name. */
  op(opType: string, inputs: readonly string[], attributes?: Attributes, output?: string): string;
  /** As `op`, with several outputs. */
  opMany(opType: string, inputs: readonly string[], outputs: number, attributes?: Attributes): string[];
  int64(values: readonly number[], dims?: readonly number[]): string;
  float32(value: number): string;
  float64(value: number): string;
  bool(value: boolean, dims: readonly number[]): string;
}

export function graphWriter(prefix: string): GraphWriter {
  const nodes: Uint8Array[] = [];
  const initializers: Uint8Array[] = [];
  const constants = new Map<string, string>();
  let count = 0;
  const fresh = (what: string) => {
    count += 1;
    return `${prefix}/${what}_${count}`;
  };

  function write(opType: string, inputs: readonly string[], outputs: string[], attributes: Attributes): void {
    const encoded = Object.entries(attributes).map(([name, value]) =>
      typeof value === 'number' ? intAttribute(name, value) : intsAttribute(name, value),
    );
    const node = { opType, domain: '', name: `${outputs[0]}/node`, inputs: [...inputs], outputs, attributes: encoded };
    nodes.push(nodeMessage(node));
  }

  function constant(type: ElementType, dims: readonly number[], raw: Uint8Array): string {
    const key = `${type} ${dims.join()} ${Buffer.from(raw).toString('hex')}`;
    const known = constants.get(key);
    if (known !== undefined) return known;
    const name = fresh('constant');
    constants.set(key, name);
    initializers.push(constantMessage(name, type, dims, raw));
    return name;
  }

  return {
    nodes,
    initializers,
    op(opType, inputs, attributes = {}, output = fresh(opType)) {
      write(opType, inputs, [output], attributes);
      return output;
    },
    opMany(opType, inputs, outputs, attributes = {}) {
      const names = Array.from({ length: outputs }, () => fresh(opType));
      write(opType, inputs, names, attributes);
      return names;
    },
    int64: (values, dims = []) => constant('int64', dims, new Uint8Array(BigInt64Array.from(values, BigInt).buffer)),
    float32: (value) => constant('float32', [], new Uint8Array(Float32Array.of(value).buffer)),
    float64: (value) => constant('float64', [], new Uint8Array(Float64Array.of(value).buffer)),
    bool: (value, dims) => constant('bool', dims, Uint8Array.of(value ? 1 : 0)),
  };
}
