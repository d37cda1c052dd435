/**
 * An ONNX file's structure, read without its weights: those are only located, inside the file or in its external data,
 * so that a graph can point at them. Field numbers: onnx/onnx.proto.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { TensorInfo } from '../audio/session.ts';
import { integers, readFields, readVarint, texts, type WireField } from './wire.ts';

/** Inputs and outputs of a graph: of an opened session, or read from the file. */
export interface GraphIo {
  inputs: readonly TensorInfo[];
  outputs: readonly TensorInfo[];
}

/** Where weights lie. */
export interface StoredData {
  /** Of the file beside the graph; undefined: the graph's own file. */
  location: string | undefined;
  offset: number;
  length: number;
}

export interface GraphTensor {
  name: string;
  dims: number[];
  /** TensorProto.DataType */
  dataType: number;
  /** Undefined for a small one, which `fields` hold whole. */
  stored: StoredData | undefined;
  /** All fields but those of stored data. */
  fields: readonly WireField[];
}

export interface GraphNode {
  opType: string;
  domain: string;
  name: string;
  inputs: string[];
  outputs: string[];
  /** AttributeProto messages, undecoded. */
  attributes: readonly Uint8Array[];
}

export interface OnnxFile extends GraphIo {
  irVersion: number;
  /** Domain → version; the standard domain is ''. */
  opsets: ReadonlyMap<string, number>;
  /** The model brings operators of its own. */
  hasFunctions: boolean;
  nodes: readonly GraphNode[];
  initializers: readonly GraphTensor[];
}

/** Bytes up to which a tensor counts as a constant of the graph rather than a weight. */
const SMALL = 1024;
/** What protocol buffers can hold (2 GiB); larger models have their weights outside. */
const LARGEST_FILE = 2 ** 31;

const MODEL = { irVersion: 1, graph: 7, opset: 8, functions: 25 };
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, sparse: 15 };
const TENSOR = { dims: 1, dataType: 2, floatData: 4, name: 8, rawData: 9, externalData: 13, dataLocation: 14 };
const FLOAT = 1;
const ELEMENT_TYPES: Record<number, string> = { 1: 'float32', 6: 'int32', 7: 'int64', 9: 'bool', 10: 'float16' };

/** A message's field, found without reading what it holds. */
interface Span {
  number: number;
  start: number;
  /** Of the payload. */
  from: number;
  to: number;
}

interface ByteSource {
  size: number;
  read(from: number, to: number): Uint8Array;
}

/** @throws Error for files that are no ONNX model, or hold what cannot be pointed at. */
export function readOnnxFile(path: string): OnnxFile {
  const descriptor = openSync(path, 'r');
  try {
    return readModel(byteSource(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

function byteSource(descriptor: number): ByteSource {
  const { size } = fstatSync(descriptor);
  if (size >= LARGEST_FILE) throw new Error('The graph file is larger than 2 GiB');
  const WINDOW = 1 << 16;
  let windowFrom = 0;
  let window = Buffer.alloc(0);

  function readExactly(from: number, to: number): Buffer<ArrayBuffer> {
    const bytes = Buffer.allocUnsafe(to - from);
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(descriptor, bytes, at, bytes.length - at, from + at);
      if (count === 0) throw new Error('The graph file ends too early');
      at += count;
    }
    return bytes;
  }

  return {
    size,
    read(from, to) {
      if (to - from > WINDOW) return readExactly(from, to);
      if (from < windowFrom || to > windowFrom + window.length) {
        windowFrom = from;
        window = readExactly(from, Math.min(size, from + WINDOW));
      }
      return window.subarray(from - windowFrom, to - windowFrom);
    },
  };
}

function readModel(source: ByteSource): OnnxFile {
  const spans = spansOf(source, 0, source.size);
  const graph = spans.find(({ number }) => number === MODEL.graph);
  if (graph === undefined) throw new Error('Not an ONNX model: it has no graph');
  const graphSpans = spansOf(source, graph.from, graph.to);
  if (graphSpans.some(({ number }) => number === GRAPH.sparse)) throw new Error('The graph has sparse weights');
  const payloads = (in_: readonly Span[], wanted: number) =>
    in_.filter(({ number }) => number === wanted).map(({ from, to }) => source.read(from, to));
  return {
    irVersion: integers(
      spans.filter(({ number }) => number === MODEL.irVersion).map((span) => fieldOf(source, span)),
      MODEL.irVersion,
    )[0] as number,
    opsets: new Map(payloads(spans, MODEL.opset).map(readOpset)),
    hasFunctions: spans.some(({ number }) => number === MODEL.functions),
    nodes: payloads(graphSpans, GRAPH.node).map((message) => readNode(Uint8Array.from(message))),
    initializers: graphSpans
      .filter(({ number }) => number === GRAPH.initializer)
      .map(({ from, to }) => readTensor(source, from, to)),
    inputs: payloads(graphSpans, GRAPH.input).map(readValueInfo),
    outputs: payloads(graphSpans, GRAPH.output).map(readValueInfo),
  };
}

function spansOf(source: ByteSource, from: number, to: number): Span[] {
  const spans: Span[] = [];
  for (let at = from; at < to; ) {
    // A tag and a length take at most 20 bytes.
    const head = source.read(at, Math.min(to, at + 20));
    const tag = readVarint(head, 0);
    const wireType = tag.value & 7;
    let begin = at + tag.next;
    let end = begin;
    if (wireType === 0) end = at + readVarint(head, tag.next).next;
    else if (wireType === 1) end = begin + 8;
    else if (wireType === 5) end = begin + 4;
    else if (wireType === 2) {
      const length = readVarint(head, tag.next);
      begin = at + length.next;
      end = begin + length.value;
    } else throw new Error(`Unknown wire type ${wireType} at byte ${at}`);
    if (end > to) throw new Error(`A field at byte ${at} reaches beyond its message`);
    spans.push({ number: Math.floor(tag.value / 8), start: at, from: begin, to: end });
    at = end;
  }
  return spans;
}

/** A copy: the source's window moves on. */
function fieldOf(source: ByteSource, { number, start, from, to }: Span): WireField {
  const bytes = Uint8Array.from(source.read(start, to));
  return { number, bytes, payload: bytes.subarray(from - start) };
}

function readTensor(source: ByteSource, from: number, to: number): GraphTensor {
  const spans = spansOf(source, from, to);
  const held = (span: Span) => [TENSOR.rawData, TENSOR.floatData].includes(span.number) && span.to - span.from > SMALL;
  const fields = spans.filter((span) => !held(span)).map((span) => fieldOf(source, span));
  const dataType = integers(fields, TENSOR.dataType)[0] ?? 0;
  const large = spans.filter(held);
  const [inside] = large;
  const name = texts(fields, TENSOR.name)[0] ?? '';
  const isExternal = integers(fields, TENSOR.dataLocation)[0] === 1;
  let stored = isExternal ? readExternal(name, fields) : undefined;
  if (inside !== undefined) {
    // Packed floats are the same bytes as raw data.
    if (large.length > 1 || (inside.number === TENSOR.floatData && dataType !== FLOAT)) throw unusual(name);
    stored = { location: undefined, offset: inside.from, length: inside.to - inside.from };
  } else if (to - from > 8 * SMALL) throw unusual(name);
  return { name, dims: integers(fields, TENSOR.dims), dataType, stored, fields: isExternal ? [] : fields };
}

function unusual(name: string): Error {
  return new Error(`The weights of ${name} are not stored as raw data`);
}

/** StringStringEntryProto: key 1, value 2. */
function readExternal(tensor: string, fields: readonly WireField[]): StoredData {
  const entries = fields
    .filter(({ number }) => number === TENSOR.externalData)
    .map(({ payload }) => readFields(payload));
  const values = new Map(entries.map((entry) => [texts(entry, 1)[0], texts(entry, 2)[0]]));
  const location = values.get('location');
  const length = Number(values.get('length'));
  if (location === undefined || !Number.isFinite(length)) throw new Error(`${tensor} does not say where its data lie`);
  return { location, offset: Number(values.get('offset') ?? 0), length };
}

/** OperatorSetIdProto: domain 1, version 2. */
function readOpset(message: Uint8Array): [string, number] {
  const fields = readFields(message);
  const domain = texts(fields, 1)[0] ?? '';
  return [domain === 'ai.onnx' ? '' : domain, integers(fields, 2)[0] ?? 0];
}

/** NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7. */
export function readNode(message: Uint8Array): GraphNode {
  const fields = readFields(message);
  return {
    inputs: texts(fields, 1),
    outputs: texts(fields, 2),
    name: texts(fields, 3)[0] ?? '',
    opType: texts(fields, 4)[0] ?? '',
    domain: texts(fields, 7)[0] ?? '',
    attributes: fields.filter(({ number }) => number === 5).map(({ payload }) => payload),
  };
}

/** ValueInfoProto: name 1, type 2 → TypeProto.tensor_type 1 → elem_type 1, shape 2 → dim 1 → dim_value 1, dim_param 2. */
function readValueInfo(message: Uint8Array): TensorInfo {
  const fields = readFields(message);
  const inner = (from: readonly WireField[], number: number) =>
    from.filter((field) => field.number === number).flatMap(({ payload }) => readFields(payload));
  const tensor = inner(inner(fields, 2), 1);
  const dims = inner(tensor, 2).filter(({ number }) => number === 1);
  return {
    name: texts(fields, 1)[0] ?? '',
    type: ELEMENT_TYPES[integers(tensor, 1)[0] ?? 0] ?? 'unknown',
    shape: dims.map(({ payload }) => {
      const dim = readFields(payload);
      return integers(dim, 1)[0] ?? texts(dim, 2)[0] ?? '';
    }),
  };
}
