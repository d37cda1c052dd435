/** The one place that loads ONNX Runtime: opens graphs and dresses their sessions as `OpenedSession`. */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { GraphFolding, OpenedSession, TensorInfo, TensorLike } from '../audio/session.ts';

export interface OpenSessionOptions {
  /** Threads inside one operator. */
  threads: number;
  /** `cpu`, or any `cuda:N`: the worker's environment shows it one GPU only (CUDA_VISIBLE_DEVICES), its number 0. */
  device: string;
  /** See `SessionOptions`. */
  plansMemory?: boolean;
  disabledOnCpu?: readonly string[];
  keepsMemory?: boolean;
}

type Runtime = typeof import('onnxruntime-node');
let loading: Promise<Runtime> | undefined;

function loadRuntime(): Promise<Runtime> {
  // Read by the native library when it starts.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  loading ??= import('onnxruntime-node');
  return loading;
}

/**
 * Opens a graph (an absolute path, or the graph's bytes). Asked onto a GPU that cannot be used, it rejects with ONNX
 * Runtime's reason: there is no silent fall back to the CPU.
 */
export async function openSession(graph: string | Uint8Array, options: OpenSessionOptions): Promise<OpenedSession> {
  const runtime = await loadRuntime();
  const sessionOptions: InferenceSession.SessionOptions = {
    executionProviders: [options.device === 'cpu' ? 'cpu' : { name: 'cuda', deviceId: 0 }],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableMemPattern: options.plansMemory ?? true,
    enableCpuMemArena: options.keepsMemory ?? true,
    // Errors only: hub graphs warn about unused initializers at every load.
    logSeverityLevel: 3,
    // Idle pool threads sleep; several replicas share the cores.
    extra: { session: { intra_op: { allow_spinning: '0' } }, ...withoutOptimizers(options) },
  };
  // The overloads take a path or bytes, not the union.
  const session = await runtime.InferenceSession.create(graph as string, sessionOptions);

  const makeTensor = runtime.Tensor as unknown as new (
    type: TensorLike['type'],
    data: TensorLike['data'],
    dims: readonly number[],
  ) => TensorLike;

  return {
    inputs: session.inputMetadata.map(tensorInfo),
    outputs: session.outputMetadata.map(tensorInfo),
    tensor: (type: string, data: TensorLike['data'], dims: readonly number[]) => new makeTensor(type, data, dims),
    async run(feeds) {
      const fed = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, halvesAsIntegers(tensor)]));
      return (await session.run(fed as Record<string, Tensor>)) as Record<string, TensorLike>;
    },
    release: () => session.release(),
  };
}

/** For graphs that a replica on `device` keeps. It is done on the CPU: nothing of a device's own gets into the graph. */
export async function graphFolding(device: 'cpu' | 'cuda'): Promise<GraphFolding> {
  const runtime = await loadRuntime();
  return {
    runtime: `${runtime.env.versions.node ?? runtime.env.versions.common} ${device}`,
    async fold(graph, target) {
      const session = await runtime.InferenceSession.create(graph, {
        executionProviders: ['cpu'],
        graphOptimizationLevel: 'basic',
        optimizedModelFilePath: target,
        enableCpuMemArena: false,
        logSeverityLevel: 3,
      });
      await session.release();
    },
  };
}

/** The session option `optimization.disable_specified_optimizers`. */
function withoutOptimizers({ device, disabledOnCpu = [] }: OpenSessionOptions): Record<string, unknown> {
  if (device !== 'cpu' || disabledOnCpu.length === 0) return {};
  return { optimization: { disable_specified_optimizers: disabledOnCpu.join(';') } };
}

function tensorInfo(metadata: InferenceSession.ValueMetadata): TensorInfo {
  if (!metadata.isTensor) throw new Error(`${metadata.name} is no tensor: graphs with sequences or maps are not used`);
  return { name: metadata.name, type: metadata.type, shape: metadata.shape };
}

/**
 * The native binding (onnxruntime-node 1.26) knows float16 data as Uint16Array alone, but its Tensor class holds a
 * Float16Array where Node has one, and that is read as empty. Feeds need not be of the class.
 */
function halvesAsIntegers(tensor: TensorLike): TensorLike {
  const { type, dims, data } = tensor;
  if (!(data instanceof Float16Array)) return tensor;
  const bits = new Uint16Array(data.buffer, data.byteOffset, data.length);
  const feed: TensorLike & { location: 'cpu' } = { type, dims, data: bits, location: 'cpu' };
  return feed;
}
