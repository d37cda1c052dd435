/**
 * Where ONNX Runtime would run each node of a graph on CUDA, and the copies between the two memories that follow: a model
 * of its partitioning (core/framework/fallback_cpu_capability.cc: small values computed from shapes stay on the CPU) and
 * of its copy nodes (core/optimizer/transformer_memcpy.cc). Known without a GPU; `whisper-memcpy` counts on one.
 */
import { cudaKernel, type Kernel } from './cuda-kernels.ts';
import type { GraphStructure, StructureNode } from './graph-structure.ts';
import { outputTypes } from './value-types.ts';

export interface Placement {
  /** `loop body`, or `loop body, then_branch`; '' for the outermost graph. */
  where: string;
  /** Nodes that CUDA has no kernel for. */
  lacking: string[];
  /** Memcpy nodes: `value: producer -> consumer`. */
  copies: string[];
  /** Copied by Loop and If themselves, at each run of the inner graph: values from outside, and the condition. */
  fed: string[];
  onCpu: number;
  onCuda: number;
}

type Memory = 'cpu' | 'cuda';

interface Scope {
  opset: number;
  types: Map<string, string>;
  /** Constants, and whether they are small: those lie wherever they are wanted. */
  constants: Map<string, boolean>;
  /** Numbers of elements, where they are known. */
  counts: Map<string, number>;
  /** Where values of the graphs around lie. */
  outside: ReadonlyMap<string, Memory>;
}

const SMALL = 100;
const HALF = 'float16';

export function placeOnCuda(graph: GraphStructure, opset: number): Placement[] {
  return place(graph, '', { opset, types: new Map(), constants: new Map(), counts: new Map(), outside: new Map() });
}

interface Placed {
  node: StructureNode;
  /** Undefined: runs on the CPU. */
  kernel: Kernel | undefined;
}

function place(graph: GraphStructure, where: string, around: Scope): Placement[] {
  const { types: typesAround, constants, counts } = around;
  const scope = {
    ...around,
    types: new Map(typesAround),
    constants: new Map(constants),
    counts: new Map(counts),
  };
  for (const { name, type } of graph.inputs) scope.types.set(name, type);
  for (const [name, { type, count }] of graph.initializers) {
    scope.types.set(name, type);
    scope.constants.set(name, count <= SMALL);
    scope.counts.set(name, count);
  }
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const fromCpu = new Set<string>();
  const lacking: string[] = [];
  const placed: Placed[] = [];
  for (const node of graph.nodes) {
    const types = node.inputs.map((input) => (input === '' ? '' : (scope.types.get(input) ?? 'unknown')));
    for (const [at, type] of outputTypes(node, types).entries()) scope.types.set(node.outputs[at] ?? '', type);
    if (foldConstant(node, scope)) continue;
    const kernel = node.domain === '' ? cudaKernel(node.opType, scope.opset, types) : undefined;
    if (kernel === undefined) lacking.push(`${node.opType}(${types.join(', ')}) ${node.name}`);
    const chosen =
      kernel !== undefined && staysOnCpu(node, kernel, types, { inputs, fromCpu, scope }) ? undefined : kernel;
    placed.push({ node, kernel: chosen });
    for (const [at, output] of node.outputs.entries()) {
      if (chosen === undefined || chosen.cpuOutputs?.includes(at) === true) fromCpu.add(output);
    }
  }
  const { copies, memories, fed } = copiesBetween(placed, { inputs, fromCpu, scope, where, graph });
  const inner = placed.flatMap(({ node }) =>
    [...node.graphs].flatMap(([name, body]) => {
      const title = [where, `${node.opType.toLowerCase()} ${name}`].filter(Boolean).join(', ');
      return place(body, title, { ...scope, outside: new Map([...scope.outside, ...memories]) });
    }),
  );
  const onCuda = placed.filter(({ kernel }) => kernel !== undefined).length;
  return [{ where, lacking, copies, fed, onCpu: placed.length - onCuda, onCuda }, ...inner];
}

/** Nodes that read constants alone are computed when the graph is loaded; so is the shape of a list of known length. */
function foldConstant(node: StructureNode, scope: Scope): boolean {
  const { opType, inputs, outputs, graphs } = node;
  const { constants, counts } = scope;
  const count = countOf(node, scope);
  if (count !== undefined) for (const output of outputs) counts.set(output, count);
  const known = inputs.every((input) => input === '' || constants.has(input));
  if (graphs.size > 0 || !(known || (opType === 'Shape' && counts.has(`list ${inputs[0]}`)))) return false;
  if (opType === 'Shape') counts.set(`shape ${outputs[0]}`, counts.get(`list ${inputs[0]}`) ?? SMALL + 1);
  const isSmall = count !== undefined && count <= SMALL;
  for (const output of outputs) constants.set(output, isSmall);
  return true;
}

/** As far as the lists need it that an exporter makes shapes of. */
function countOf({ opType, inputs, outputs, value }: StructureNode, { counts }: Scope): number | undefined {
  const [first, second] = inputs.map((input) => counts.get(input));
  switch (opType) {
    case 'Constant':
      return value?.count ?? 1;
    case 'Gather':
      // From a list, one element for each index.
      return second;
    case 'Cast':
    case 'Identity':
    case 'Squeeze':
    case 'Unsqueeze':
      return first;
    case 'Reshape':
      if (second === 1 && first !== undefined) counts.set(`list ${outputs[0]}`, first);
      return first;
    case 'Concat': {
      const total = inputs.reduce((sum, input) => sum + (counts.get(input) ?? Number.NaN), 0);
      if (Number.isNaN(total)) return undefined;
      // Of sizes, each made a list of one.
      if (inputs.every((input) => counts.get(input) === 1)) counts.set(`list ${outputs[0]}`, total);
      return total;
    }
    case 'Shape':
      return counts.has(`list ${inputs[0]}`) ? 1 : undefined;
    case 'ConstantOfShape':
      return counts.get(`shape ${inputs[0]}`);
    case 'Add':
    case 'Mul':
    case 'Sub':
      return first === undefined || second === undefined ? undefined : Math.max(first, second);
    default:
      return undefined;
  }
}

interface Around {
  inputs: ReadonlySet<string>;
  fromCpu: ReadonlySet<string>;
  scope: Scope;
}

/** GetCpuPreferredNodes: computed from shapes, which lie in the CPU's memory, from constants and from inputs alone. */
function staysOnCpu(
  { inputs: read }: StructureNode,
  { cpuInputs = [] }: Kernel,
  types: readonly string[],
  { inputs, fromCpu, scope }: Around,
): boolean {
  if (!read.some((input) => fromCpu.has(input))) return false;
  return read.every((input, at) => {
    if (types[at] === HALF) return false;
    if (input === '' || scope.constants.get(input) === true || inputs.has(input)) return true;
    return fromCpu.has(input) && !cpuInputs.includes(at);
  });
}

function copiesBetween(
  placed: readonly Placed[],
  { inputs, fromCpu, scope, where, graph }: Around & { where: string; graph: GraphStructure },
): { copies: string[]; memories: Map<string, Memory>; fed: string[] } {
  const readers = new Map<string, Map<Memory, string>>();
  const memories = new Map<string, Memory>();
  const producers = new Map<string, string>();
  for (const { node, kernel } of placed) {
    const label = `${node.opType} ${node.name}`;
    for (const [at, input] of node.inputs.entries()) {
      if (input === '' || scope.constants.has(input)) continue;
      const memory = kernel === undefined || kernel.cpuInputs?.includes(at) === true ? 'cpu' : 'cuda';
      const by = readers.get(input) ?? new Map<Memory, string>();
      readers.set(input, by.set(memory, by.get(memory) ?? label));
    }
    for (const output of node.outputs) {
      memories.set(output, fromCpu.has(output) ? 'cpu' : 'cuda');
      producers.set(output, label);
    }
  }
  const copies: string[] = [];
  const fed: string[] = [];
  for (const [value, by] of readers) {
    const made = memories.get(value);
    const [cpu, cuda] = [by.get('cpu'), by.get('cuda')];
    if (made === 'cpu' && cuda !== undefined) copies.push(`${value}: ${producers.get(value)} -> cuda ${cuda}`);
    else if (made === 'cuda' && cpu !== undefined) copies.push(`${value}: ${producers.get(value)} -> cpu ${cpu}`);
    else if (made === undefined && cpu !== undefined && cuda !== undefined) {
      copies.push(`${value}: read by cpu ${cpu} and cuda ${cuda}`);
    } else if (made === undefined && !inputs.has(value)) {
      const lies = scope.outside.get(value);
      const [wanted] = by.keys();
      if (lies !== undefined && lies !== wanted) fed.push(`${value}: ${lies} -> ${wanted}`);
    }
    // What comes in lies where it is first wanted.
    if (made === undefined) memories.set(value, cuda === undefined ? 'cpu' : 'cuda');
  }
  if (where.endsWith(' body')) fed.push(...fedByLoop(graph, memories));
  return { copies, memories, fed };
}

/** The loop counts, and reads its condition, on the CPU; what it carries goes from a body's output to its input. */
function fedByLoop({ inputs, outputs }: GraphStructure, memories: ReadonlyMap<string, Memory>): string[] {
  return inputs.flatMap(({ name }, at) => {
    const before = at < 2 ? 'cpu' : memories.get(outputs[at - 1]?.name ?? '');
    const wanted = at === 1 ? memories.get(outputs[0]?.name ?? '') : memories.get(name);
    const crosses = before !== undefined && wanted !== undefined && before !== wanted;
    return crosses
      ? [`${at === 1 ? (outputs[0]?.name ?? '') : name}: ${at === 1 ? 'cuda -> cpu' : `${before} -> ${wanted}`}`]
      : [];
  });
}
