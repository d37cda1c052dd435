/** Tells from a failure whether memory ran out while a graph was running, on a GPU or in the machine. */
import { GatewayError } from '../errors.ts';

/**
 * ONNX Runtime has no error code for it; these are parts of its messages and of what it passes on:
 * - its arena (core/framework/bfc_arena.cc): `…BFCArena::AllocateRawInternal(…) Failed to allocate memory for requested
 *   buffer of size N`, `Available memory of N is smaller than requested bytes of M`; seen for the CPU and for CUDA;
 * - C++'s own, where there is no arena: `std::bad_alloc` (libstdc++), `bad allocation` (Microsoft's);
 * - CUDA calls (core/providers/cuda/cuda_call.cc): `CUDA failure 2: out of memory`, `CUDA error cudaErrorMemoryAllocation:…`,
 *   `CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED`, `CUDNN_STATUS_ALLOC_FAILED`, in cuDNN 9
 *   `CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED` and `…_HOST_…`, `CUFFT_ALLOC_FAILED`;
 * - V8, for tensors on our side: `RangeError: Array buffer allocation failed`.
 */
const MESSAGES = [
  /failed to allocate memory/i,
  /BFCArena::(Alloc|Extend|Reserve)/,
  /available memory of \d+ is smaller than requested/i,
  /\bbad_alloc\b/,
  /\bbad allocation\b/,
  /CUDA (failure|error)\b.*\bout of memory/i,
  /\bCUDA out of memory/i,
  /\bcudaErrorMemoryAllocation\b/,
  /\bCU(BLAS|DNN)_STATUS_ALLOC_FAILED\b/,
  /\bCUDNN_STATUS_INTERNAL_ERROR_(DEVICE|HOST)_ALLOCATION_FAILED\b/,
  /\bCUFFT_ALLOC_FAILED\b/,
  /\bArray buffer allocation failed\b/,
];

/** Looks at the message, and at those of its causes. */
export function isOutOfMemory(error: unknown): boolean {
  if (error instanceof GatewayError) return error.code === 'out_of_memory';
  if (!(error instanceof Error)) return false;
  return MESSAGES.some((message) => message.test(error.message)) || isOutOfMemory(error.cause);
}

/** What a request fails with: `out_of_memory` where memory ran out, else the failure itself. */
export function namedOutOfMemory(error: unknown): unknown {
  if (error instanceof GatewayError || !isOutOfMemory(error)) return error;
  return new GatewayError('out_of_memory', {
    message:
      'The model ran out of memory on its device. Try again: it is started anew. If it happens again, load the model ' +
      'with a smaller max_batch, or on another GPU.',
    detail: error instanceof Error ? error.message : undefined,
    cause: error,
  });
}
