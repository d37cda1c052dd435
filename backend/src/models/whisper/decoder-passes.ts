/** The decoder's graphs run a token at a time: the prompt's pass, the passes after it, and the caches in between. */
import type { OpenedSession, TensorLike } from '../../audio/session.ts';
import { stackRows } from './decoder.ts';
import type { WhisperLayout } from './layout.ts';

/** Graphs of one decoder: the prompt's, and that of each token after it; or both merged behind a switch. */
export type DecoderSessions = { prefill: OpenedSession; step: OpenedSession } | { merged: OpenedSession };

export type Tensors = Record<string, TensorLike>;

export interface Pass {
  /** Row-major [rows][fed tokens][vocab] */
  logits: Float32Array;
  outputs: Tensors;
}

/** Keys and values of some rows, as the step graph takes them. */
export interface DecoderCache {
  pasts: Tensors;
  /** Encodings [frames, d], one per row. */
  encodings: readonly Float32Array[];
  /** Of the encodings; made when a graph asks for it. */
  encoding?: TensorLike;
}

export interface DecoderPasses {
  /** `ids` [rows][tokens] */
  prefill(rows: readonly Float32Array[], ids: readonly (readonly number[])[]): Promise<Pass>;
  /** What the steps behind a prompt's pass begin with. */
  cacheOf(rows: readonly Float32Array[], prompt: Pass): DecoderCache;
  /** One token a row, all at `position`; the cache grows. */
  step(ids: readonly number[], position: number, cache: DecoderCache): Promise<Pass>;
  /** The cache of some of its rows, which may come several times. */
  pick(cache: DecoderCache, sources: readonly number[]): DecoderCache;
  release(): Promise<void>;
}

export function createDecoderPasses(sessions: DecoderSessions, layout: WhisperLayout): DecoderPasses {
  const prefillSession = 'merged' in sessions ? sessions.merged : sessions.prefill;
  const stepSession = 'merged' in sessions ? sessions.merged : sessions.step;
  const stepTakesEncoding = stepSession.inputs.some(({ name }) => name === 'encoder_hidden_states');

  return {
    async prefill(rows, ids) {
      const feeds = commonFeeds(prefillSession, ids, 0);
      feeds.encoder_hidden_states = encodingTensor(prefillSession, rows, layout.dModel);
      if ('merged' in sessions) {
        feeds.use_cache_branch = prefillSession.tensor('bool', Uint8Array.of(0), [1]);
        for (const { name } of pastInputs(prefillSession)) {
          feeds[name] = emptyPast(prefillSession, layout, rows.length);
        }
      }
      return pass(prefillSession, feeds);
    },
    cacheOf: (rows, { outputs }) => ({ pasts: presentsToPasts(outputs), encodings: rows }),
    async step(ids, position, cache) {
      const feeds = commonFeeds(
        stepSession,
        ids.map((id) => [id]),
        position,
      );
      for (const { name } of pastInputs(stepSession)) {
        const past = cache.pasts[name];
        if (past === undefined) throw new Error(`The prefill graph gives nothing for ${name}`);
        feeds[name] = past;
      }
      if (stepTakesEncoding) {
        cache.encoding ??= encodingTensor(stepSession, cache.encodings, layout.dModel);
        feeds.encoder_hidden_states = cache.encoding;
      }
      if ('merged' in sessions) feeds.use_cache_branch = stepSession.tensor('bool', Uint8Array.of(1), [1]);
      const made = await pass(stepSession, feeds);
      keepDecoderPresents(made.outputs, cache.pasts);
      return made;
    },
    pick(cache, sources) {
      const encodings = sources.map((row) => cache.encodings[row] as Float32Array);
      // Rows of one window have the same encoder's keys and values, the far larger ones: often nothing moves.
      const sameWindows =
        encodings.length === cache.encodings.length && encodings.every((row, at) => row === cache.encodings[at]);
      const pasts = Object.entries(cache.pasts).map(([name, tensor]) => [
        name,
        sameWindows && name.includes('.encoder.') ? tensor : pickRows(stepSession, tensor, sources),
      ]);
      return {
        pasts: Object.fromEntries(pasts),
        encodings,
        ...(sameWindows && cache.encoding !== undefined ? { encoding: cache.encoding } : {}),
      };
    },
    async release() {
      await prefillSession.release();
      if (stepSession !== prefillSession) await stepSession.release();
    },
  };
}

async function pass(session: OpenedSession, feeds: Tensors): Promise<Pass> {
  const outputs = await session.run(feeds);
  if (outputs.logits === undefined) throw new Error('The decoder graph has no output "logits"');
  return { logits: asFloat32(outputs.logits), outputs };
}

export function asFloat32({ type, data }: TensorLike): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Float16Array) return Float32Array.from(data);
  throw new Error(`A tensor of type ${type} where float32 or float16 was expected`);
}

/** What the exports ask for besides keys and values. `ids` [rows][tokens], the first of them at `position`. */
function commonFeeds(session: OpenedSession, ids: readonly (readonly number[])[], position: number): Tensors {
  const length = ids[0]?.length ?? 0;
  const feeds: Tensors = {
    input_ids: session.tensor('int64', BigInt64Array.from(ids.flat(), BigInt), [ids.length, length]),
  };
  if (session.inputs.some(({ name }) => name === 'cache_position')) {
    const positions = BigInt64Array.from({ length }, (_, index) => BigInt(position + index));
    feeds.cache_position = session.tensor('int64', positions, [length]);
  }
  return feeds;
}

/** [rows, frames, d], in the type the graph takes. */
function encodingTensor(session: OpenedSession, rows: readonly Float32Array[], dModel: number): TensorLike {
  const data = stackRows(rows);
  const dims = [rows.length, data.length / rows.length / dModel, dModel];
  const type = session.inputs.find(({ name }) => name === 'encoder_hidden_states')?.type;
  if (type === 'float16') return session.tensor('float16', new Float16Array(data), dims);
  return session.tensor('float32', data, dims);
}

function pastInputs(session: OpenedSession) {
  return session.inputs.filter(({ name }) => name.startsWith('past_key_values.'));
}

/** A merged graph wants pasts for the prompt too: [rows, heads, 0, headDim]. */
function emptyPast(session: OpenedSession, { heads, headDim, kvType }: WhisperLayout, rows: number): TensorLike {
  const dims = [rows, heads, 0, headDim];
  if (kvType === 'float16') return session.tensor('float16', new Float16Array(0), dims);
  return session.tensor('float32', new Float32Array(0), dims);
}

function presentsToPasts(outputs: Tensors): Tensors {
  const presents = Object.entries(outputs).filter(([name]) => name.startsWith('present.'));
  return Object.fromEntries(presents.map(([name, tensor]) => [name.replace('present', 'past_key_values'), tensor]));
}

/** The encoder's keys and values come once, with the prompt; a merged graph gives empty ones later. */
function keepDecoderPresents(outputs: Tensors, pasts: Tensors): void {
  for (const [name, tensor] of Object.entries(presentsToPasts(outputs))) {
    if (name.includes('.decoder.')) pasts[name] = tensor;
  }
}

/** [rows, …] → [sources, …] */
function pickRows(session: OpenedSession, tensor: TensorLike, sources: readonly number[]): TensorLike {
  const { data } = tensor;
  const [rows = 0, ...rest] = tensor.dims;
  const size = data.length / rows;
  const dims = [sources.length, ...rest];
  const copyInto = <A extends Float32Array | Float16Array>(picked: A, from: A): A => {
    for (const [at, row] of sources.entries()) picked.set(from.subarray(row * size, (row + 1) * size), at * size);
    return picked;
  };
  if (data instanceof Float32Array) {
    return session.tensor('float32', copyInto(new Float32Array(size * sources.length), data), dims);
  }
  if (data instanceof Float16Array) {
    return session.tensor('float16', copyInto(new Float16Array(size * sources.length), data), dims);
  }
  throw new Error(`Keys and values of type ${tensor.type} where float32 or float16 was expected`);
}
