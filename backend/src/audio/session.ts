/** The shape of an opened ONNX session, as pipelines see it: `worker/onnx.ts` makes real ones, a test can pass a fake. */

export type TensorData =
  | Float32Array
  | Float16Array
  | BigInt64Array
  | Int32Array
  | Int8Array
  | Uint8Array
  | Uint16Array;

export interface TensorLike {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

export interface TensorInfo {
  name: string;
  type: string;
  /** Symbolic dimensions are strings. */
  shape: readonly (number | string)[];
}

export interface SessionOptions {
  /** Threads inside one operator; default: the replica's share of the cores. */
  threads?: number;
  /**
   * False for graphs whose shapes grow from step to step: a plan of buffers for each shape costs memory and gains no
   * time (Whisper tiny, 8 windows: 645 → 472 MB resident). Default true.
   */
  plansMemory?: boolean;
  /**
   * Graph optimizers left out on a CPU, by the names they have in ONNX Runtime; the others run. On a GPU all run: what
   * fails there is an error.
   */
  disabledOnCpu?: readonly string[];
  /**
   * False for graphs that take much memory for a moment: it goes back to the system at once, instead of waiting for the
   * next run. Costs large graphs of one shape time for pages (Whisper's encoder 10 %), those that grow none. Default true.
   */
  keepsMemory?: boolean;
  /**
   * True for a graph so small that a GPU takes longer to be told of it than a CPU to run it, and whose results the CPU
   * waits for each time: it runs on the CPU wherever the replica is. Default false.
   */
  onCpu?: boolean;
}

/** The runtime's own simplification of a graph: what follows from constants alone is computed once and for all. */
export interface GraphFolding {
  /** The runtime's version and the kind of device: what it wrote is kept for these alone. */
  runtime: string;
  /** Writes the simplified graph to `target`, its weights inside; standard operators, good for any device. */
  fold(graph: string, target: string): Promise<void>;
}

export interface OpenedSession {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  tensor(type: 'float32', data: Float32Array, dims: readonly number[]): TensorLike;
  tensor(type: 'float16', data: Float16Array, dims: readonly number[]): TensorLike;
  tensor(type: 'int64', data: BigInt64Array, dims: readonly number[]): TensorLike;
  tensor(type: 'int32', data: Int32Array, dims: readonly number[]): TensorLike;
  tensor(type: 'int8', data: Int8Array, dims: readonly number[]): TensorLike;
  tensor(type: 'uint8', data: Uint8Array, dims: readonly number[]): TensorLike;
  /** 0 is false, 1 true. */
  tensor(type: 'bool', data: Uint8Array, dims: readonly number[]): TensorLike;
  /** Blocks this process's event loop while the graph runs; outputs lie in CPU memory. */
  run(feeds: Record<string, TensorLike>): Promise<Record<string, TensorLike>>;
  release(): Promise<void>;
}
