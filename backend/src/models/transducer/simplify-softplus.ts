import { integerField, messageField, textField } from '../wire.ts';
import { linkNodes, type OnnxInitializer, type OnnxLinks, type OnnxModel, type OnnxNode } from './onnx-graph.ts';

/**
 * exp is kept from overflowing above this: softplus(d) is d there to the last bit of a float32, and stays at 80 beyond,
 * a range that activations do not reach.
 */
const CEILING = 80;
const CEILING_NAME = 'simplify_softplus_ceiling';

export interface SoftplusEdits {
  nodes: Map<OnnxNode, OnnxNode[]>;
  newInitializers: Uint8Array[];
}

/**
 * The zipformer's Swoosh activations hold a softplus, log(1 + exp(d)). Exports guard it against overflow with
 * Where(log = ∞, d, log), or compute max(0, d) + log(1 + exp(−|0 − d|)): nodes that cost more than the arithmetic. Both
 * become log(1 + exp(min(d, 80))). Measured on the 3.3M gigaspeech encoder: 6 % of its time. (ONNX Runtime's own
 * Softplus is no way out: its CPU kernel takes twice as long as all of these.)
 */
export function simplifySoftplus(model: OnnxModel): SoftplusEdits {
  const links = linkNodes(model);
  const edits: SoftplusEdits = { nodes: new Map(), newInitializers: [] };
  for (const log of model.nodes) {
    const found = matchSoftplus(log, model, links);
    if (found === undefined) continue;
    const { input, exp, output, removed } = found;
    const capped = `${exp.name}_capped`;
    const min: OnnxNode = {
      name: `${exp.name}/Min`,
      opType: 'Min',
      inputs: [input, CEILING_NAME],
      outputs: [capped],
      attributes: [],
    };
    edits.nodes.set(exp, [min, { ...exp, inputs: [capped] }]);
    edits.nodes.set(log, [{ ...log, outputs: [output] }]);
    for (const node of removed) edits.nodes.set(node, []);
  }
  if (edits.nodes.size > 0) edits.newInitializers = [float32Scalar(CEILING_NAME, CEILING)];
  return edits;
}

interface Softplus {
  /** The value d, and the one that is softplus(d). */
  input: string;
  output: string;
  exp: OnnxNode;
  removed: OnnxNode[];
}

function matchSoftplus(log: OnnxNode, model: OnnxModel, { producer, users }: OnnxLinks): Softplus | undefined {
  const isScalar = (name: string | undefined, value: number): boolean =>
    name !== undefined && scalar(model.initializers.get(name)) === value;
  /** The node's input that is not the scalar `value`. */
  const besideScalar = (node: OnnxNode | undefined, opType: string, value: number): string | undefined => {
    const [a, b] = node?.inputs ?? [];
    if (node?.opType !== opType) return undefined;
    if (isScalar(a, value)) return b;
    return isScalar(b, value) ? a : undefined;
  };
  const only = (name: string | undefined): OnnxNode | undefined => {
    const readers = users.get(name ?? '') ?? [];
    return readers.length === 1 ? readers[0] : undefined;
  };

  if (log.opType !== 'Log') return undefined;
  const [logOutput = ''] = log.outputs;
  const exp = producer.get(besideScalar(producer.get(log.inputs[0] ?? ''), 'Add', 1) ?? '');
  if (exp?.opType !== 'Exp' || only(exp.outputs[0]) === undefined || only(log.inputs[0]) !== log) return undefined;

  const guard = users.get(logOutput)?.find(({ opType }) => opType === 'Where');
  if (guard !== undefined) {
    const [condition = '', whenInfinite, otherwise] = guard.inputs;
    const equal = producer.get(condition);
    const matches =
      users.get(logOutput)?.length === 2 &&
      whenInfinite === exp.inputs[0] &&
      otherwise === logOutput &&
      besideScalar(equal, 'Equal', Number.POSITIVE_INFINITY) === logOutput &&
      only(condition) === guard;
    if (!matches || equal === undefined) return undefined;
    return { input: exp.inputs[0] ?? '', output: guard.outputs[0] ?? '', exp, removed: [equal, guard] };
  }

  const sum = only(logOutput);
  const neg = producer.get(exp.inputs[0] ?? '');
  const abs = producer.get(neg?.inputs[0] ?? '');
  const difference = producer.get(abs?.inputs[0] ?? '');
  const max = producer.get(sum?.inputs.find((name) => name !== logOutput) ?? '');
  const input = besideScalar(max, 'Max', 0);
  const matches =
    sum?.opType === 'Add' &&
    neg?.opType === 'Neg' &&
    abs?.opType === 'Abs' &&
    input !== undefined &&
    besideScalar(difference, 'Sub', 0) === input &&
    [max, neg, abs, difference].every((node) => only(node?.outputs[0]) !== undefined);
  if (!matches || !max || !difference) return undefined;
  return { input, output: sum.outputs[0] ?? '', exp, removed: [max, difference, abs, neg, sum] };
}

const FLOAT32 = 1;

/** A float32 scalar's value; TensorProto: data_type 2, raw_data 9. */
function scalar(initializer: OnnxInitializer | undefined): number | undefined {
  const raw = initializer?.fields.find((field) => field.number === 9)?.payload;
  const type = initializer?.fields.find((field) => field.number === 2)?.payload[0];
  if (raw?.length !== 4 || type !== FLOAT32) return undefined;
  return new DataView(raw.buffer, raw.byteOffset, 4).getFloat32(0, true);
}

function float32Scalar(name: string, value: number): Uint8Array {
  const raw = new DataView(new ArrayBuffer(4));
  raw.setFloat32(0, value, true);
  return Buffer.concat([integerField(2, FLOAT32), textField(8, name), messageField(9, [new Uint8Array(raw.buffer)])]);
}
