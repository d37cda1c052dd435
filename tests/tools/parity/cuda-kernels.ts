/**
 * What ONNX Runtime's CUDA provider has kernels for: the operators and element types that Whisper's graphs may come by,
 * no others. From docs/OperatorKernels.md of microsoft/onnxruntime; which inputs and outputs a kernel wants in the CPU's
 * memory from the registrations under core/providers/cuda (`InputMemoryType`). ArgMax behind opset 11 since 1.21.
 */

export interface Kernel {
  /** Versions of the operator set, both included. */
  since: number;
  until?: number;
  /** Element types of each input; the last stands for all that follow. */
  takes: readonly (readonly string[])[];
  /** Inputs and outputs that lie in the CPU's memory. */
  cpuInputs?: readonly number[];
  cpuOutputs?: readonly number[];
}

const FLOATS = ['float16', 'float32'];
const BOOL = ['bool'];
const INTEGERS = ['int32', 'int64'];
const NUMBERS = [...FLOATS, ...INTEGERS];
const ANY = [...NUMBERS, ...BOOL, 'float64', 'int8', 'uint8'];

const numeric: Kernel[] = [{ since: 13, takes: [[...NUMBERS, 'float64']] }];
const floating: Kernel[] = [{ since: 13, takes: [FLOATS] }];
const floatingOrDouble: Kernel[] = [{ since: 13, takes: [[...FLOATS, 'float64']] }];
const logical: Kernel[] = [{ since: 7, takes: [BOOL] }];
const moving: Kernel[] = [{ since: 13, takes: [ANY] }];
/** The second input is a shape, axes or sizes. */
const shaping: Kernel[] = [{ since: 13, takes: [ANY, INTEGERS], cpuInputs: [1] }];
/** Axes are an input from operator set 18 on. */
const reducing: Kernel[] = [
  { since: 1, until: 17, takes: [NUMBERS] },
  { since: 18, takes: [NUMBERS, INTEGERS], cpuInputs: [1] },
];

export const CUDA_KERNELS: Readonly<Record<string, readonly Kernel[]>> = {
  Add: numeric,
  Sub: numeric,
  Mul: numeric,
  Div: numeric,
  Pow: numeric,
  Max: numeric,
  Min: numeric,
  Greater: numeric,
  GreaterOrEqual: numeric,
  Less: numeric,
  LessOrEqual: numeric,
  Equal: [{ since: 13, takes: [[...NUMBERS, ...BOOL]] }],
  Erf: floating,
  Exp: floating,
  Floor: floatingOrDouble,
  Log: floatingOrDouble,
  Neg: floatingOrDouble,
  Sqrt: floating,
  Tanh: floating,
  Softmax: floating,
  LogSoftmax: floating,
  MatMul: floating,
  Gemm: floating,
  IsNaN: floating,
  ArgMax: floating,
  LayerNormalization: [{ since: 17, takes: [FLOATS] }],
  And: logical,
  Or: logical,
  Not: logical,
  Where: [{ since: 9, takes: [BOOL, [...NUMBERS, 'uint8']] }],
  ReduceMean: [
    { since: 1, until: 17, takes: [FLOATS] },
    { since: 18, takes: [FLOATS, INTEGERS], cpuInputs: [1] },
  ],
  ReduceMax: reducing,
  ReduceMin: reducing,
  ReduceSum: [{ since: 13, takes: [NUMBERS, INTEGERS], cpuInputs: [1] }],
  CumSum: [
    { since: 11, until: 13, takes: [['float32', ...INTEGERS], INTEGERS], cpuInputs: [1] },
    { since: 14, takes: [NUMBERS, INTEGERS], cpuInputs: [1] },
  ],
  Cast: moving,
  Concat: moving,
  Gather: moving,
  GatherElements: moving,
  Identity: moving,
  Transpose: moving,
  Shape: [{ since: 1, takes: [ANY], cpuOutputs: [0] }],
  Expand: shaping,
  Reshape: shaping,
  Split: shaping,
  Squeeze: shaping,
  Unsqueeze: shaping,
  Tile: [{ since: 13, takes: [NUMBERS, INTEGERS], cpuInputs: [1] }],
  Slice: [{ since: 13, takes: [ANY, INTEGERS], cpuInputs: [1, 2, 3, 4] }],
  ConstantOfShape: [{ since: 9, takes: [INTEGERS], cpuInputs: [0] }],
  Range: [{ since: 11, takes: [['float32', ...INTEGERS]], cpuInputs: [0, 1, 2] }],
  If: [{ since: 13, takes: [BOOL], cpuInputs: [0] }],
  Loop: [{ since: 13, takes: [ANY], cpuInputs: [0, 1] }],
};

/** Undefined where CUDA has no kernel: the node runs on the CPU. */
export function cudaKernel(opType: string, opset: number, types: readonly string[]): Kernel | undefined {
  return CUDA_KERNELS[opType]?.find(({ since, until = Number.POSITIVE_INFINITY, takes }) => {
    if (opset < since || opset > until) return false;
    return types.every((type, input) => type === '' || (takes[Math.min(input, takes.length - 1)] ?? []).includes(type));
  });
}
