/**
 * Opens a voice activity graph. Silero's own hears one window of 32 ms at a run, and most of that run is not arithmetic: its
 * weights are put into a graph that hears any number of windows at a time, in a third of the time.
 */
import { readFile } from 'node:fs/promises';
import type { OpenedSession, SessionOptions } from '../audio/session.ts';
import { CONTEXT, MANY_WINDOWS, MEMORY_DIMS, scoreWindows, WINDOW } from '../audio/vad.ts';
import type { LoadContext } from './define-model.ts';
import { constantMessage, ELEMENT, graphMessage, graphWriter, modelMessage, valueInfo } from './onnx-build.ts';
import { createRandom } from './random.ts';
import { integers, readFields, texts } from './wire.ts';

/** It is small, and what it finds is waited for second by second. */
const OPTIONS: SessionOptions = { threads: 1, onCpu: true };
const LAYERS = [1, 2, 2, 1] as const;
const HIDDEN = 128;
const OPSET = 17;
const IR_VERSION = 8;
const COMPARED_WINDOWS = 8;
/** Of probabilities and memory, between the two graphs. */
const TOLERANCE = 1e-4;

/** Of many windows where the graph at `path` is Silero's and the new one gives the same, else as it is. */
export async function openSpeechGraph(
  { openSession, log }: Pick<LoadContext, 'openSession' | 'log'>,
  path: string,
): Promise<OpenedSession> {
  const original = await openSession(path, OPTIONS);
  const graph = manyWindows(await readFile(path));
  if (graph === undefined) return original;
  const many = await openLike(original, () => openSession(graph, OPTIONS)).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    log('the detector hears window by window, its weights do not fit the graph for many', { graph: path, reason });
  });
  if (many === undefined) return original;
  await original.release();
  return many;
}

/** @throws where it cannot be opened, cannot run, or gives something else. */
async function openLike(original: OpenedSession, open: () => Promise<OpenedSession>): Promise<OpenedSession> {
  const session = await open();
  try {
    if (!(await givesTheSame(original, session))) throw new Error('it gives other probabilities');
    return session;
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function givesTheSame(one: OpenedSession, other: OpenedSession): Promise<boolean> {
  const random = createRandom(1);
  const windows = Array.from({ length: COMPARED_WINDOWS }, () =>
    Float32Array.from({ length: CONTEXT + WINDOW }, () => random() - 0.5),
  );
  const memory = Float32Array.from({ length: 2 * HIDDEN }, () => random() - 0.5);
  const [a, b] = [await scoreWindows(one, windows, memory), await scoreWindows(other, windows, memory)];
  const values = [...b.probabilities, ...b.memory];
  return [...a.probabilities, ...a.memory].every(
    (value, i) => Math.abs(value - (values[i] ?? Number.NaN)) <= TOLERANCE,
  );
}

/** The graph for many windows (see `MANY_WINDOWS`); undefined where the model has not Silero's weights for 16 kHz. */
export function manyWindows(model: Uint8Array): Uint8Array | undefined {
  const weights = collectWeights(model);
  const names = [
    ...['stft.forward_basis_buffer', 'decoder.decoder.2.weight', 'decoder.decoder.2.bias'],
    ...['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((name) => `decoder.rnn.${name}`),
    ...LAYERS.flatMap((_, i) => [`encoder.${i}.reparam_conv.weight`, `encoder.${i}.reparam_conv.bias`]),
  ];
  const found = new Map(names.flatMap((name) => weights.get(name) ?? []).map((weight) => [weight.name, weight]));
  return found.size === names.length ? build(found) : undefined;
}

interface Weight {
  name: string;
  dims: readonly number[];
  data: Float32Array;
}

/** By their names in Silero's code, those for 16 kHz. */
function collectWeights(model: Uint8Array): Map<string, Weight> {
  const weights = new Map<string, Weight>();
  for (const branch of branchesOf(model)) {
    const own = branch.flatMap((node) => weightOf(node) ?? []);
    // A window of 256 samples at 16 kHz, of 128 at 8 kHz.
    if (!own.some(({ name, dims }) => name === 'stft.forward_basis_buffer' && dims.join() === '258,1,256')) continue;
    for (const weight of own) weights.set(weight.name, weight);
  }
  return weights;
}

/** Nodes of the graphs that nodes of the model's graph hold. ModelProto: graph 7; GraphProto: node 1; AttributeProto: g 6. */
function branchesOf(model: Uint8Array): Uint8Array[][] {
  const inner = (message: Uint8Array, number: number) =>
    readFields(message).flatMap((field) => (field.number === number ? [field.payload] : []));
  const nodes = inner(model, 7).flatMap((graph) => inner(graph, 1));
  const graphs = nodes.flatMap((node) => inner(node, 5)).flatMap((attribute) => inner(attribute, 6));
  return graphs.map((graph) => inner(graph, 1));
}

/** Of a Constant of floats. NodeProto: output 2, op_type 4, attribute 5; AttributeProto: t 5; TensorProto: dims 1, data_type 2, raw_data 9. */
function weightOf(node: Uint8Array): Weight | undefined {
  const fields = readFields(node);
  if (texts(fields, 4)[0] !== 'Constant') return undefined;
  const attribute = fields.find(({ number }) => number === 5);
  const value = attribute && readFields(attribute.payload).find(({ number }) => number === 5);
  const tensor = value === undefined ? [] : readFields(value.payload);
  const raw = tensor.find(({ number }) => number === 9);
  if (integers(tensor, 2)[0] !== ELEMENT.float32 || raw === undefined) return undefined;
  const name = /(?:^|_)((?:stft|encoder|decoder)\.[\w.]+)$/.exec(texts(fields, 2)[0] ?? '')?.[1];
  if (name === undefined) return undefined;
  return { name, dims: integers(tensor, 1), data: new Float32Array(Uint8Array.from(raw.payload).buffer) };
}

function build(weights: ReadonlyMap<string, Weight>): Uint8Array {
  const writer = graphWriter('speech');
  const { op, opMany, int64 } = writer;
  const { input, memory, probabilities, memoryAfter } = MANY_WINDOWS;
  const constant = (name: string, dims: readonly number[], data: Float32Array): string => {
    writer.initializers.push(constantMessage(name, 'float32', dims, new Uint8Array(data.buffer)));
    return name;
  };
  const weight = (name: string): Weight => weights.get(name) ?? { name, dims: [], data: new Float32Array() };
  const asIs = (name: string): string => constant(name, weight(name).dims, weight(name).data);

  // Reflected at its end, the last sample left out.
  const [from, to, axis, back] = [-2, -2 - CONTEXT, 1, -1].map((value) => int64([value], [1]));
  const tail = op('Slice', [input, from, to, axis, back] as string[]);
  const frames = op('Unsqueeze', [op('Concat', [input, tail], { axis: 1 }), int64([1], [1])]);
  const spectrum = op('Conv', [frames, asIs('stft.forward_basis_buffer')], { strides: [128] });
  const squares = opMany('Split', [spectrum], 2, { axis: 1 }).map((part) => op('Mul', [part, part]));
  let heard = op('Sqrt', [op('Add', squares)]);
  for (const [i, stride] of LAYERS.entries()) {
    const [kernel, bias] = [asIs(`encoder.${i}.reparam_conv.weight`), asIs(`encoder.${i}.reparam_conv.bias`)];
    heard = op('Relu', [op('Conv', [heard, kernel, bias], { strides: [stride], pads: [1, 1] })]);
  }
  const gates = (name: string) => gatesOf(weight(`decoder.rnn.${name}`));
  const biases = Float32Array.from([...gates('bias_ih'), ...gates('bias_hh')]);
  const [all = '', hidden = '', cell = ''] = opMany(
    'LSTM',
    [
      op('Transpose', [heard], { perm: [0, 2, 1] }),
      constant('input_gates', [1, 4 * HIDDEN, HIDDEN], gates('weight_ih')),
      constant('memory_gates', [1, 4 * HIDDEN, HIDDEN], gates('weight_hh')),
      constant('biases', [1, 8 * HIDDEN], biases),
      '',
      ...opMany('Split', [memory], 2, { axis: 0 }),
    ],
    3,
    { hidden_size: HIDDEN },
  );
  op('Concat', [hidden, cell], { axis: 0 }, memoryAfter);
  const rows = op('Relu', [op('Squeeze', [all, int64([1, 2], [2])])]);
  const last = constant('decoder.decoder.2.weight', [HIDDEN, 1], weight('decoder.decoder.2.weight').data);
  op('Sigmoid', [op('Add', [op('MatMul', [rows, last]), asIs('decoder.decoder.2.bias')])], {}, probabilities);
  const graph = graphMessage({
    name: 'speech',
    nodes: writer.nodes,
    initializers: writer.initializers,
    inputs: [
      valueInfo(input, ELEMENT.float32, ['windows', CONTEXT + WINDOW]),
      valueInfo(memory, ELEMENT.float32, MEMORY_DIMS),
    ],
    outputs: [
      valueInfo(probabilities, ELEMENT.float32, ['windows', 1]),
      valueInfo(memoryAfter, ELEMENT.float32, MEMORY_DIMS),
    ],
  });
  return modelMessage(graph, IR_VERSION, new Map([['', OPSET]]));
}

/** PyTorch's order of gates is input, forget, cell, output; ONNX's is input, output, forget, cell. */
function gatesOf({ data }: Weight): Float32Array {
  const size = data.length / 4;
  const gate = (index: number) => data.subarray(index * size, (index + 1) * size);
  return Float32Array.from([0, 3, 1, 2].flatMap((index) => [...gate(index)]));
}
