/**
 * An ONNX model opened for small edits on the wire: what is not edited is written back byte for byte, so weights and
 * fields of later schema versions stay as they are. Field numbers: onnx/onnx.proto.
 */
import { integers, messageField, readFields, textField, texts, type WireField } from '../wire.ts';

const MODEL_GRAPH = 7;
const MODEL_METADATA = 14;
const GRAPH_NODE = 1;
const GRAPH_INITIALIZER = 5;

export interface OnnxNode {
  name: string;
  opType: string;
  inputs: string[];
  outputs: string[];
  /** AttributeProto messages, undecoded. */
  attributes: Uint8Array[];
}

export interface OnnxInitializer {
  name: string;
  dims: number[];
  fields: WireField[];
}

/** Who makes and who reads a value. */
export interface OnnxLinks {
  producer: ReadonlyMap<string, OnnxNode>;
  users: ReadonlyMap<string, readonly OnnxNode[]>;
}

export interface OnnxModel {
  /** `metadata_props`, which ONNX Runtime's Node binding does not expose. */
  metadata: ReadonlyMap<string, string>;
  nodes: readonly OnnxNode[];
  initializers: ReadonlyMap<string, OnnxInitializer>;
  /**
   * The model with some nodes replaced (an empty list removes), and initializers replaced or added as encoded messages.
   * Nodes must stay in an order in which each comes after its inputs.
   */
  edited(edits: OnnxEdits): Uint8Array;
}

export interface OnnxEdits {
  nodes: ReadonlyMap<OnnxNode, readonly OnnxNode[]>;
  initializers?: ReadonlyMap<string, Uint8Array>;
  newInitializers?: readonly Uint8Array[];
}

export function readOnnxModel(bytes: Uint8Array): OnnxModel {
  const modelFields = readFields(bytes);
  const graphField = modelFields.find((field) => field.number === MODEL_GRAPH);
  if (graphField === undefined) throw new Error('Not an ONNX model: it has no graph');
  const graphFields = readFields(graphField.payload);
  const nodeByField = new Map<WireField, OnnxNode>();
  const initializerByField = new Map<WireField, OnnxInitializer>();
  for (const field of graphFields) {
    if (field.number === GRAPH_NODE) nodeByField.set(field, readNode(field.payload));
    if (field.number === GRAPH_INITIALIZER) initializerByField.set(field, readInitializer(field.payload));
  }

  function edited({ nodes, initializers, newInitializers = [] }: OnnxEdits): Uint8Array {
    const graph: Uint8Array[] = [];
    for (const field of graphFields) {
      const node = nodeByField.get(field);
      const initializer = initializerByField.get(field);
      const newNodes = node && nodes.get(node);
      const newInitializer = initializer && initializers?.get(initializer.name);
      if (newNodes) graph.push(...newNodes.map((replacement) => messageField(GRAPH_NODE, [encodeNode(replacement)])));
      else if (newInitializer) graph.push(messageField(GRAPH_INITIALIZER, [newInitializer]));
      else graph.push(field.bytes);
    }
    graph.push(...newInitializers.map((message) => messageField(GRAPH_INITIALIZER, [message])));
    return Buffer.concat(
      modelFields.map((field) => (field === graphField ? messageField(MODEL_GRAPH, graph) : field.bytes)),
    );
  }

  return {
    metadata: new Map(
      modelFields.filter((field) => field.number === MODEL_METADATA).map((field) => readMetadata(field.payload)),
    ),
    nodes: [...nodeByField.values()],
    initializers: new Map([...initializerByField.values()].map((initializer) => [initializer.name, initializer])),
    edited,
  };
}

export function linkNodes({ nodes }: OnnxModel): OnnxLinks {
  const producer = new Map<string, OnnxNode>();
  const users = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const output of node.outputs) producer.set(output, node);
    for (const input of new Set(node.inputs)) users.set(input, [...(users.get(input) ?? []), node]);
  }
  return { producer, users };
}

/** NodeProto: input 1, output 2, name 3, op_type 4, attribute 5. */
function readNode(message: Uint8Array): OnnxNode {
  const fields = readFields(message);
  return {
    inputs: texts(fields, 1),
    outputs: texts(fields, 2),
    name: texts(fields, 3)[0] ?? '',
    opType: texts(fields, 4)[0] ?? '',
    attributes: fields.filter((field) => field.number === 5).map((field) => field.payload),
  };
}

function encodeNode(node: OnnxNode): Uint8Array {
  return Buffer.concat([
    ...node.inputs.map((name) => textField(1, name)),
    ...node.outputs.map((name) => textField(2, name)),
    textField(3, node.name),
    textField(4, node.opType),
    ...node.attributes.map((attribute) => messageField(5, [attribute])),
  ]);
}

/** TensorProto: dims 1, data_type 2, int64_data 7, name 8, raw_data 9. */
function readInitializer(message: Uint8Array): OnnxInitializer {
  const fields = readFields(message);
  return { name: texts(fields, 8)[0] ?? '', dims: integers(fields, 1), fields };
}

/** StringStringEntryProto: key 1, value 2. */
function readMetadata(message: Uint8Array): [string, string] {
  const fields = readFields(message);
  return [texts(fields, 1)[0] ?? '', texts(fields, 2)[0] ?? ''];
}
