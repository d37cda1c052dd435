/**
 * The streaming zipformer encoder: each run sees `window` feature frames, of which `step` are new to the next run, and
 * carries its caches as explicit inputs and outputs (`X` → `new_X`), all zero at the start of a stream.
 */
import type { OpenedSession, TensorLike } from '../../audio/session.ts';
import { GatewayError } from '../../errors.ts';

const FEATURES = 'x';

export interface EncoderLayout {
  /** Feature frames a run sees, and frames between the starts of two runs. */
  window: number;
  step: number;
  bins: number;
}

export interface EncoderStream {
  /** `frame` [bins] is copied. */
  accept(frame: Float32Array): void;
  /** A whole window is waiting. */
  readonly ready: boolean;
  /** Encodes the next window → [frames, dim], `frames` of them for `step` feature frames. */
  run(): Promise<{ frames: number; dim: number; data: Float32Array }>;
}

export interface StreamingEncoder {
  readonly layout: EncoderLayout;
  stream(): EncoderStream;
}

export function createEncoder(session: OpenedSession, metadata: ReadonlyMap<string, string>): StreamingEncoder {
  const layout = readLayout(session, metadata);
  const states = readStates(session);
  const output = session.outputs[0]?.name ?? '';
  return { layout, stream: () => createStream(session, layout, states, output) };
}

function readLayout(session: OpenedSession, metadata: ReadonlyMap<string, string>): EncoderLayout {
  // x [1, window, bins]
  const shape = session.inputs.find((input) => input.name === FEATURES)?.shape ?? [];
  const window = shape[1];
  const bins = shape[2];
  const step = Number(metadata.get('decode_chunk_len'));
  if (typeof window !== 'number' || typeof bins !== 'number' || !(step > 0 && step <= window)) {
    throw unsupported(`x has shape [${shape}], decode_chunk_len is ${metadata.get('decode_chunk_len')}`);
  }
  return { window, step, bins };
}

interface State {
  input: string;
  output: string;
  initial(): TensorLike;
}

function readStates(session: OpenedSession): State[] {
  const outputs = new Set(session.outputs.map((output) => output.name));
  return session.inputs
    .filter((input) => input.name !== FEATURES)
    .map(({ name, type, shape }) => {
      const output = `new_${name}`;
      if (!outputs.has(output)) throw unsupported(`state ${name} has no output ${output}`);
      // Symbolic dimensions are the batch.
      const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1));
      const size = dims.reduce((product, dim) => product * dim, 1);
      if (type === 'float32') {
        return { input: name, output, initial: () => session.tensor('float32', new Float32Array(size), dims) };
      }
      if (type === 'int64') {
        return { input: name, output, initial: () => session.tensor('int64', new BigInt64Array(size), dims) };
      }
      throw unsupported(`state ${name} has type ${type}`);
    });
}

function unsupported(detail: string): GatewayError {
  return new GatewayError('model_load_failed', {
    message: 'The encoder graph is no streaming zipformer that this version of the gateway understands.',
    detail,
  });
}

function createStream(
  session: OpenedSession,
  { window, step, bins }: EncoderLayout,
  states: readonly State[],
  output: string,
): EncoderStream {
  const input = new Float32Array(window * bins);
  const feeds: Record<string, TensorLike> = { [FEATURES]: session.tensor('float32', input, [1, window, bins]) };
  for (const state of states) feeds[state.input] = state.initial();
  // Frames not yet seen by a run, and those that the next run sees again: [frames, bins]
  let waiting = new Float32Array(2 * window * bins);
  let frames = 0;

  return {
    accept(frame) {
      if ((frames + 1) * bins > waiting.length) {
        const larger = new Float32Array(2 * waiting.length);
        larger.set(waiting);
        waiting = larger;
      }
      waiting.set(frame, frames * bins);
      frames += 1;
    },
    get ready() {
      return frames >= window;
    },
    async run() {
      input.set(waiting.subarray(0, window * bins));
      waiting.copyWithin(0, step * bins, frames * bins);
      frames -= step;
      const outputs = await session.run(feeds);
      for (const state of states) feeds[state.input] = outputs[state.output] as TensorLike;
      // [1, frames, dim]
      const encoded = outputs[output] as TensorLike;
      const [, count = 0, dim = 0] = encoded.dims;
      return { frames: count, dim, data: encoded.data as Float32Array };
    },
  };
}
