/** The export's two graphs as parts of another one. */
import type { TensorInfo } from '../../audio/session.ts';
import type { SourceGraph } from '../derived-graph.ts';
import { ELEMENT, type GraphWriter } from '../onnx-build.ts';
import type { GraphNode } from '../onnx-file.ts';
import { readFields } from '../wire.ts';

export interface LoopSources {
  prefill: SourceGraph;
  step: SourceGraph;
  /** Weights of the step that are also the prefill's: its name → theirs. */
  shared: ReadonlyMap<string, string>;
  /** Keys and values of the encoder's output come from outside, in 8 bits. */
  storedCross: boolean;
}

/** Squeeze, ReduceSum, Split and Unsqueeze take their axes as inputs from here on. */
const FIRST_OPSET = 13;
const KNOWN_INPUTS =
  /^(input_ids|encoder_hidden_states|cache_position|past_key_values\.\d+\.(decoder|encoder)\.(key|value))$/;

/** The operator sets of both. @throws Error with the reason where the graphs cannot be put together. */
export function checkedOpsets({ prefill, step }: LoopSources): Map<string, number> {
  const version = prefill.opsets.get('') ?? 0;
  if (version < FIRST_OPSET) throw new Error(`The graph's operator set ${version} is older than ${FIRST_OPSET}`);
  for (const graph of [prefill, step]) {
    if (graph.hasFunctions) throw new Error('The graph defines functions');
    const nested = graph.nodes.find(holdsGraph);
    if (nested !== undefined) throw new Error(`The graph branches (${nested.opType} ${nested.name})`);
    const unknown = graph.inputs.find(({ name }) => !KNOWN_INPUTS.test(name));
    if (unknown !== undefined) throw new Error(`The graph has an unknown input, ${unknown.name}`);
  }
  const opsets = new Map(prefill.opsets);
  for (const [domain, of] of step.opsets) {
    if ((opsets.get(domain) ?? of) !== of) throw new Error(`The graphs have different operator sets '${domain}'`);
    opsets.set(domain, of);
  }
  return opsets;
}

/** AttributeProto: g 6, graphs 11. */
export function holdsGraph({ attributes }: GraphNode): boolean {
  return attributes.some((attribute) => readFields(attribute).some(({ number }) => number === 6 || number === 11));
}

/** The value in the prompt's graph that a past of the step begins as. */
export function outside(past: string): string {
  return `prompt/${past.replace('past_key_values', 'present')}`;
}

export function renamed(node: GraphNode, rename: (name: string) => string): GraphNode {
  return { ...node, name: rename(node.name), inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) };
}

export function typeOf(values: readonly TensorInfo[], name: string): string {
  return values.find((value) => value.name === name)?.type ?? 'float32';
}

export function castIfNeeded(writer: GraphWriter, value: string, from: string, to: string): string {
  return from === to ? value : writer.op('Cast', [value], { to: elementOf(to) });
}

export function elementOf(type: string): number {
  if (type === 'float32' || type === 'float16') return ELEMENT[type];
  throw new Error(`The graph's values are ${type}, neither float32 nor float16`);
}
