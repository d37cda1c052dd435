/**
 * `MatMulNBits` rounds its input to 8 bits, which errs as much as its weights do. Where a product is made once a window and
 * not once a token, what the rounding leaves is multiplied as well, as further positions: the input then has 16 bits.
 */
import { constantTensor, intAttribute, intsAttribute } from '../onnx-build.ts';
import type { GraphNode, GraphTensor } from '../onnx-file.ts';
import { standardNode } from '../standard-node.ts';
import { HALVES_SMALLEST } from './halves.ts';

export interface RoundedAndRest {
  /** They need the constants of `withHalvesConstants`. */
  nodes: GraphNode[];
  constants: GraphTensor[];
  /** [rows, 2 · positions, n] */
  values: string;
  /** The product of `values`, added up again: [rows, positions, m]. */
  join(product: string, output: string): GraphNode[];
}

/**
 * Of float32 [rows, positions, n] the values as the operator rounds them, each block of a position by its own largest, and
 * the rest. `name` begins the new values' names.
 */
export function splitRounded(input: string, name: string, block: number): RoundedAndRest {
  const value = (what: string) => `${name}/${what}`;
  const shape = (what: string, of: bigint[]) =>
    constantTensor(value(what), 'int64', [of.length], BigInt64Array.from(of));
  const positions = [intAttribute('axis', 1)];
  return {
    nodes: [
      standardNode('Reshape', [input, value('blocks_shape')], value('blocks')),
      standardNode('Abs', [value('blocks')], value('abs')),
      standardNode('ReduceMax', [value('abs')], value('max'), [
        intsAttribute('axes', [-1]),
        intAttribute('keepdims', 1),
      ]),
      standardNode('Max', [value('max'), HALVES_SMALLEST], value('largest')),
      standardNode('Div', [value('largest'), value('127')], value('step')),
      standardNode('Div', [value('blocks'), value('step')], value('scaled')),
      standardNode('Round', [value('scaled')], value('integers')),
      standardNode('Mul', [value('integers'), value('step')], value('rounded')),
      standardNode('Sub', [value('blocks'), value('rounded')], value('rest')),
      standardNode('Concat', [value('rounded'), value('rest')], value('both'), positions),
      standardNode('Reshape', [value('both'), value('shape')], value('values')),
    ],
    constants: [
      shape('blocks_shape', [0n, 0n, -1n, BigInt(block)]),
      shape('shape', [0n, 0n, -1n]),
      constantTensor(value('127'), 'float32', [], Float32Array.of(127)),
    ],
    values: value('values'),
    join(product, output) {
      const parts = [`${product}/rounded`, `${product}/rest`];
      return [
        { ...standardNode('Split', [product], `${product}/parts`, positions), outputs: parts },
        standardNode('Add', parts, output),
      ];
    },
  };
}
