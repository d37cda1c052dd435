/**
 * Products of integers of which one side, a row, has 14 bits: the row, scaled by its own largest value, is written as
 * 128 · high + low, two halves of 7 bits that take part in the product as two rows. The other side's 8 bits are then
 * all the rounding there is that counts. Sums of such products fit the 16 bits that processors without VNNI add them up in
 * (2 · 128 · 127 and 2 · 255 · 64 are below 2¹⁵), and integers give the same whatever a row's company.
 */
import { constantTensor, intAttribute, intsAttribute, MICROSOFT } from '../onnx-build.ts';
import type { GraphNode, GraphTensor } from '../onnx-file.ts';
import { standardNode } from '../standard-node.ts';
import type { Int8Names } from './int8-columns.ts';

/** 63.5 · 128: the largest value, so that its high half rounds to 64 at most. */
const LARGEST = 8128;

/** What a half's 0 is stored as, by its type. */
export const HALVES_ZERO = { uint8: 'halves/zero_uint8', int8: 'halves/zero_int8' } as const;
export const HALVES_ONE = 'halves/1';
const HALVES_BASE = 'halves/128';
const HALVES_LARGEST = 'halves/largest';
export const HALVES_SMALLEST = 'halves/smallest';
/** [1, 2] */
const PARTS = 'halves/parts';

/** A graph's weights and the constants above. */
export function withHalvesConstants(initializers: readonly GraphTensor[]): GraphTensor[] {
  const known = new Set(initializers.map(({ name }) => name));
  return [...initializers, ...constants().filter(({ name }) => !known.has(name))];
}

function constants(): GraphTensor[] {
  const scalar = (name: string, value: number) => constantTensor(name, 'float32', [], Float32Array.of(value));
  return [
    scalar(HALVES_ONE, 1),
    scalar(HALVES_BASE, 128),
    scalar(HALVES_LARGEST, LARGEST),
    scalar(HALVES_SMALLEST, 1e-20),
    constantTensor(HALVES_ZERO.uint8, 'uint8', [], Uint8Array.of(64)),
    constantTensor(HALVES_ZERO.int8, 'int8', [], Int8Array.of(0)),
    constantTensor(PARTS, 'float32', [1, 2], Float32Array.of(128, 1)),
  ];
}

export interface Halves {
  nodes: GraphNode[];
  /** [..., 2, n] */
  values: string;
  /** float32 [..., 1, 2]: times the halves' products [..., 2, m] it gives the row's [..., 1, m]. */
  join: string;
}

export interface HalvesOptions {
  /** The last but one, counted from the first: Concat takes no −2 everywhere. */
  axis: number;
  type: keyof typeof HALVES_ZERO;
}

/** ReduceMax takes its axes as an input from here on. */
const AXES_AS_INPUT = 18;

export function refuseNewOpsets(opsets: ReadonlyMap<string, number>): void {
  if ((opsets.get('') ?? 0) >= AXES_AS_INPUT) throw new Error('Operator sets from 18 on are not known here');
}

/** Of float32 [..., 1, n]; `name` begins the new values' names. */
export function splitHalves(input: string, name: string, { axis, type }: HalvesOptions): Halves {
  const value = (what: string) => `${name}/${what}`;
  const zero = HALVES_ZERO[type];
  const along = [intsAttribute('axes', [-1]), intAttribute('keepdims', 1)];
  return {
    nodes: [
      standardNode('Abs', [input], value('abs')),
      standardNode('ReduceMax', [value('abs')], value('max'), along),
      // Nothing is divided by 0.
      standardNode('Max', [value('max'), HALVES_SMALLEST], value('largest')),
      standardNode('Div', [value('largest'), HALVES_LARGEST], value('step')),
      standardNode('Div', [input, value('step')], value('scaled')),
      standardNode('QuantizeLinear', [value('scaled'), HALVES_BASE, zero], value('high')),
      standardNode('DequantizeLinear', [value('high'), HALVES_BASE, zero], value('high_value')),
      standardNode('Sub', [value('scaled'), value('high_value')], value('rest')),
      standardNode('QuantizeLinear', [value('rest'), HALVES_ONE, zero], value('low')),
      standardNode('Concat', [value('high'), value('low')], value('halves'), [intAttribute('axis', axis)]),
      standardNode('Mul', [PARTS, value('step')], value('join')),
    ],
    values: value('halves'),
    join: value('join'),
  };
}

/** Halves of values that share one step, and what a weight with a scale for each column is multiplied with them by. */
export interface WholeHalves {
  nodes: GraphNode[];
  /** values · weight, for a weight that `quantizeColumns` has made, with `bias` [columns] added. */
  times(weight: Int8Names, output: string, bias?: string): GraphNode[];
}

/**
 * Of all values of float32 `input` [..., n] together: 14 bits leave enough to a row whose values are small. `name` begins the
 * new values' names.
 */
export function splitWhole(input: string, name: string): WholeHalves {
  const value = (what: string) => `${name}/${what}`;
  const zero = HALVES_ZERO.uint8;
  const product = (half: 'high' | 'low', { values, scales }: Int8Names, output: string, bias?: string): GraphNode => {
    const inputs = [value(half), values, value(`${half}_step`), scales, zero];
    return {
      opType: 'MatMulIntegerToFloat',
      domain: MICROSOFT,
      name: output,
      // The weight's zero is 0.
      inputs: bias === undefined ? inputs : [...inputs, '', bias],
      outputs: [output],
      attributes: [],
    };
  };
  return {
    nodes: [
      standardNode('Abs', [input], value('abs')),
      standardNode('ReduceMax', [value('abs')], value('max'), [intAttribute('keepdims', 0)]),
      standardNode('Max', [value('max'), HALVES_SMALLEST], value('largest')),
      standardNode('Div', [value('largest'), HALVES_LARGEST], value('low_step')),
      standardNode('Mul', [value('low_step'), HALVES_BASE], value('high_step')),
      standardNode('QuantizeLinear', [input, value('high_step'), zero], value('high')),
      standardNode('DequantizeLinear', [value('high'), value('high_step'), zero], value('high_value')),
      standardNode('Sub', [input, value('high_value')], value('rest')),
      standardNode('QuantizeLinear', [value('rest'), value('low_step'), zero], value('low')),
    ],
    times: (weight, output, bias) => [
      product('high', weight, `${output}/high`, bias),
      product('low', weight, `${output}/low`),
      standardNode('Add', [`${output}/high`, `${output}/low`], output),
    ],
  };
}
