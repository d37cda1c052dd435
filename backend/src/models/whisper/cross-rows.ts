/** The keys and values that rows of a batch attend to: each window's are made once, and kept for as long as it is. */
import type { OpenedSession, TensorLike } from '../../audio/session.ts';
import { LOOP_INPUTS } from './loop-io.ts';

export interface CrossRows {
  /** The rows' tensors stacked, by the names `crossNames` gives. `encodings`: each [frames, d]. */
  stack(encodings: readonly Float32Array[]): Promise<Record<string, TensorLike>>;
  release(): Promise<void>;
}

/** `session` of `cross-graph.ts`. */
export function createCrossRows(session: OpenedSession, dModel: number): CrossRows {
  const made = new WeakMap<Float32Array, Record<string, TensorLike>>();
  // Of all batches: a run of the loop has read them when the next one begins.
  const buffers = new Map<string, ArrayBuffer>();

  async function crossOf(encoding: Float32Array): Promise<Record<string, TensorLike>> {
    const known = made.get(encoding);
    if (known !== undefined) return known;
    const tensor = session.tensor('float32', encoding, [encoding.length / dModel, dModel]);
    const outputs = await session.run({ [LOOP_INPUTS.encoding]: tensor });
    made.set(encoding, outputs);
    return outputs;
  }

  function bufferFor(name: string, bytes: number): ArrayBuffer {
    const known = buffers.get(name);
    if (known !== undefined && known.byteLength >= bytes) return known;
    const buffer = new ArrayBuffer(bytes);
    buffers.set(name, buffer);
    return buffer;
  }

  /** Tensors [1, …] of one shape → [rows, …] */
  function stackTensors(name: string, rows: readonly TensorLike[]): TensorLike {
    const [first] = rows;
    const bytes = first?.data.byteLength ?? 0;
    const buffer = bufferFor(name, rows.length * bytes);
    const whole = new Uint8Array(buffer);
    for (const [row, { data }] of rows.entries()) {
      whole.set(new Uint8Array(data.buffer, data.byteOffset, bytes), row * bytes);
    }
    const dims = [rows.length, ...(first?.dims.slice(1) ?? [])];
    const count = rows.length * (first?.data.length ?? 0);
    if (first?.type === 'float32') return session.tensor('float32', new Float32Array(buffer, 0, count), dims);
    if (first?.type === 'int8') return session.tensor('int8', new Int8Array(buffer, 0, count), dims);
    return session.tensor('uint8', new Uint8Array(buffer, 0, count), dims);
  }

  return {
    async stack(encodings) {
      const rows: Record<string, TensorLike>[] = [];
      for (const encoding of encodings) rows.push(await crossOf(encoding));
      const [first = {}] = rows;
      if (rows.length === 1) return first;
      const named = (name: string) => rows.flatMap((row) => row[name] ?? []);
      return Object.fromEntries(Object.keys(first).map((name) => [name, stackTensors(name, named(name))]));
    },
    release: () => session.release(),
  };
}
