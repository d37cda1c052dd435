import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../backend/src/errors.ts';
import { isOutOfMemory, namedOutOfMemory } from '../../backend/src/models/out-of-memory.ts';
import { openSession } from '../../backend/src/worker/onnx.ts';
import { oneNodeGraph } from '../support/one-node-graph.ts';

const RUNNING = "Non-zero status code returned while running MatMul node. Name:'m' Status Message: ";
const CUDA_CALL =
  'onnxruntime/core/providers/cuda/cuda_call.cc:121 std::conditional_t<THRW, void, Status> CudaCall(…) ';

describe('memory that ran out', () => {
  it.each([
    `${RUNNING}onnxruntime/core/framework/bfc_arena.cc:358 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate memory for requested buffer of size 939524096`,
    `${RUNNING}Available memory of 1048576 is smaller than requested bytes of 2097152`,
    `${RUNNING}std::bad_alloc`,
    `${RUNNING}bad allocation`,
    `${RUNNING}${CUDA_CALL}CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; file=cuda_allocator.cc ; line=47 ; expr=cudaMalloc((void**)&p, size);`,
    'CUDA error cudaErrorMemoryAllocation:out of memory',
    'CUDA out of memory. Tried to allocate 20.00 MiB',
    `${RUNNING}${CUDA_CALL}CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; expr=cublasCreate(&cublas_handle_);`,
    `${RUNNING}CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0 ; expr=cudnnCreate(&cudnn_handle_);`,
    `${RUNNING}CUDNN failure 5003: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0`,
    `${RUNNING}CUFFT failure 2: CUFFT_ALLOC_FAILED ; GPU=0`,
    'Array buffer allocation failed',
  ])('is seen in %s', (message) => {
    expect(isOutOfMemory(new Error(message))).toBe(true);
    expect(isOutOfMemory(new Error('the window could not be decoded', { cause: new Error(message) }))).toBe(true);
  });

  it.each([
    `${RUNNING}CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; expr=cudaStreamSynchronize(s)`,
    `${RUNNING}CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0`,
    `${RUNNING}CUDNN failure 3000: CUDNN_STATUS_NOT_SUPPORTED_SHARED_MEMORY_INSUFFICIENT`,
    `${RUNNING}/onnxruntime_src/onnxruntime/core/providers/cpu/tensor/reshape_helper.h:45 input_shape_size == size was false`,
    'The encoder has no output "last_hidden_state"',
    'The client went away',
  ])('is not seen in %s', (message) => {
    const error = new Error(message);
    expect(isOutOfMemory(error)).toBe(false);
    expect(namedOutOfMemory(error)).toBe(error);
  });

  it('is not seen in what is no error, nor in an error of ours that happens to say so', () => {
    expect(isOutOfMemory('std::bad_alloc')).toBe(false);
    const ours = new GatewayError('unsupported_audio', { message: 'x', cause: new Error('std::bad_alloc') });
    expect(isOutOfMemory(ours)).toBe(false);
    expect(namedOutOfMemory(ours)).toBe(ours);
  });

  it.each([true, false])('is what ONNX Runtime says of a petabyte (arena: %s)', async (keepsMemory) => {
    const graph = oneNodeGraph('Expand', { x: { type: 'float32', shape: [1] }, shape: { type: 'int64', shape: [1] } }, [
      'n',
    ]);
    const session = await openSession(graph, { threads: 1, device: 'cpu', keepsMemory });
    const run = session.run({
      x: session.tensor('float32', Float32Array.of(1), [1]),
      shape: session.tensor('int64', BigInt64Array.of(2n ** 48n), [1]),
    });
    const error: unknown = await run.catch((reason: unknown) => reason);
    expect(isOutOfMemory(error), String(error)).toBe(true);
    await session.release();
  });

  it('is what V8 says of an array that is too large', () => {
    let error: unknown;
    try {
      // V8 allows as many; no machine has them.
      new ArrayBuffer(2 ** 52);
    } catch (reason) {
      error = reason;
    }
    expect(isOutOfMemory(error), String(error)).toBe(true);
  });

  it('gets a name, a remedy and a reason for the log', () => {
    const cause = new Error(`${RUNNING}std::bad_alloc`);
    const error = namedOutOfMemory(cause);
    expect(error).toMatchObject({ code: 'out_of_memory', status: 503, detail: cause.message, cause });
    expect((error as GatewayError).message).toMatch(/smaller max_batch, or on another GPU/);
    expect((error as GatewayError).message).not.toContain('bad_alloc');
    expect(namedOutOfMemory(error)).toBe(error);
    expect(isOutOfMemory(error)).toBe(true);
  });
});
