/**
 * Greedy search over a transducer with a stateless decoder (icefall, pruned_transducer_stateless7: beam_search.py,
 * greedy_search with at most one symbol per frame). As long as blanks win, the decoder's output does not change, so the
 * joiner runs over all remaining frames at once and again only behind a symbol.
 */
import type { OpenedSession, TensorLike } from '../../audio/session.ts';

const BLANK = 0;
/** `<unk>`: treated as a blank, as sherpa-onnx does. */
const UNKNOWN = 2;
/** Decoder outputs kept, by context; a float32 vector of the joiner's dimension each (320: 5 MB in all). */
const CACHE_LIMIT = 4096;

export interface EmittedToken {
  id: number;
  /** Index of the frame, counted from the first frame of this call. */
  frame: number;
  /** Natural logarithm of its softmax probability. */
  logprob: number;
}

export interface SearchStream {
  /** `frames` [count, dim] follow those of the call before. */
  accept(frames: Float32Array, count: number): Promise<EmittedToken[]>;
}

export interface GreedySearch {
  stream(): SearchStream;
}

export function createGreedySearch(decoder: OpenedSession, joiner: OpenedSession): GreedySearch {
  // y [N, context]
  const contextSize = Number(decoder.inputs[0]?.shape[1]);
  const [decoderInput = '', decoderOutput = ''] = [decoder.inputs[0]?.name, decoder.outputs[0]?.name];
  const [encoderOut = '', decoderOut = ''] = joiner.inputs.map((input) => input.name);
  const logitsOutput = joiner.outputs[0]?.name ?? '';
  const cache = new Map<string, TensorLike>();

  /** Decoder output [1, dim] for the last `contextSize` symbols. */
  async function decode(context: readonly number[]): Promise<TensorLike> {
    const key = context.join(' ');
    const cached = cache.get(key);
    if (cached) return cached;
    const y = decoder.tensor('int64', BigInt64Array.from(context, BigInt), [1, contextSize]);
    const output = (await decoder.run({ [decoderInput]: y }))[decoderOutput] as TensorLike;
    if (cache.size >= CACHE_LIMIT) cache.clear();
    cache.set(key, output);
    return output;
  }

  /** Logits [count, vocabulary]; the decoder's one row is broadcast. */
  async function join(frames: Float32Array, count: number, decoded: TensorLike): Promise<Float32Array> {
    const encoded = joiner.tensor('float32', frames, [count, frames.length / count]);
    const outputs = await joiner.run({ [encoderOut]: encoded, [decoderOut]: decoded });
    return (outputs[logitsOutput] as TensorLike).data as Float32Array;
  }

  function stream(): SearchStream {
    let context = new Array<number>(contextSize).fill(BLANK);

    return {
      async accept(frames, count) {
        const emitted: EmittedToken[] = [];
        const dim = frames.length / count;
        for (let first = 0; first < count; ) {
          const remaining = count - first;
          const logits = await join(frames.subarray(first * dim, count * dim), remaining, await decode(context));
          const symbol = firstSymbol(logits, remaining);
          if (symbol === undefined) break;
          emitted.push({ ...symbol, frame: first + symbol.frame });
          context = [...context.slice(1), symbol.id];
          first += symbol.frame + 1;
        }
        return emitted;
      },
    };
  }

  return { stream };
}

/** `logits` [count, vocabulary] → the first row whose best entry is a symbol. */
function firstSymbol(logits: Float32Array, count: number): EmittedToken | undefined {
  const vocabulary = logits.length / count;
  for (let frame = 0; frame < count; frame += 1) {
    const row = logits.subarray(frame * vocabulary, (frame + 1) * vocabulary);
    let id = 0;
    for (let i = 1; i < vocabulary; i += 1) if ((row[i] as number) > (row[id] as number)) id = i;
    if (id !== BLANK && id !== UNKNOWN) return { id, frame, logprob: logSoftmaxOfBest(row, id) };
  }
  return undefined;
}

function logSoftmaxOfBest(row: Float32Array, best: number): number {
  const top = row[best] as number;
  let sum = 0;
  for (const logit of row) sum += Math.exp(logit - top);
  return -Math.log(sum);
}
