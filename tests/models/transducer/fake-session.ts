import type { OpenedSession, TensorInfo, TensorLike } from '../../../backend/src/audio/session.ts';

export function tensor(type: string, data: TensorLike['data'], dims: readonly number[]): TensorLike {
  return { type, data, dims };
}

/** A session whose graph is a function. */
export function fakeSession(
  inputs: readonly TensorInfo[],
  outputs: readonly string[],
  run: (feeds: Record<string, TensorLike>) => Record<string, TensorLike>,
): OpenedSession {
  return {
    inputs,
    outputs: outputs.map((name) => ({ name, type: 'float32', shape: [] })),
    tensor,
    run: async (feeds) => run(feeds),
    release: async () => {},
  };
}
