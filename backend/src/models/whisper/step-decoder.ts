/** Decoding with the loop outside the graph: one run per token. For graphs that cannot be rewritten, and the tests' yardstick. */
import type { OpenedSession, TensorLike } from '../../audio/session.ts';
import {
  type Alignment,
  type DecodedRow,
  type DecodeRequest,
  finishRow,
  groupByPromptLength,
  probabilitiesOf,
  probabilityOf,
  roomForTokens,
  stackRows,
  type WhisperDecoder,
} from './decoder.ts';
import { gatherAlignment } from './gather-alignment.ts';
import type { WhisperLayout } from './layout.ts';
import { createRandom } from './random.ts';
import { chooseToken } from './sample-token.ts';
import { applyRules, tokenRules } from './token-rules.ts';

/** Graphs of one decoder: the prompt's, and that of each token after it; or both merged behind a switch. */
export type DecoderSessions = { prefill: OpenedSession; step: OpenedSession } | { merged: OpenedSession };

type Tensors = Record<string, TensorLike>;

interface Pass {
  /** Row-major [rows][fed tokens][vocab] */
  logits: Float32Array;
  outputs: Tensors;
}

export function createStepDecoder(sessions: DecoderSessions, layout: WhisperLayout): WhisperDecoder {
  const prefillSession = 'merged' in sessions ? sessions.merged : sessions.prefill;
  const stepSession = 'merged' in sessions ? sessions.merged : sessions.step;
  const { vocab, tokens: special } = layout;

  /** `ids` [rows][tokens] */
  async function prefill(rows: readonly Float32Array[], ids: readonly (readonly number[])[]): Promise<Pass> {
    const batch = rows.length;
    const feeds = commonFeeds(prefillSession, ids, 0);
    feeds.encoder_hidden_states = encodingTensor(prefillSession, rows, layout.dModel);
    if ('merged' in sessions) {
      feeds.use_cache_branch = prefillSession.tensor('bool', Uint8Array.of(0), [1]);
      for (const { name } of pastInputs(prefillSession)) feeds[name] = emptyPast(prefillSession, layout, batch);
    }
    return pass(prefillSession, feeds);
  }

  async function step(ids: readonly number[], position: number, pasts: Tensors, encoding: TensorLike): Promise<Pass> {
    const feeds = commonFeeds(
      stepSession,
      ids.map((id) => [id]),
      position,
    );
    for (const { name } of pastInputs(stepSession)) {
      const past = pasts[name];
      if (past === undefined) throw new Error(`The prefill graph gives nothing for ${name}`);
      feeds[name] = past;
    }
    if (stepSession.inputs.some(({ name }) => name === 'encoder_hidden_states')) feeds.encoder_hidden_states = encoding;
    if ('merged' in sessions) feeds.use_cache_branch = stepSession.tensor('bool', Uint8Array.of(1), [1]);
    return pass(stepSession, feeds);
  }

  /** Rows of one prompt length. */
  async function decodeGroup(request: DecodeRequest, random: (() => number)[]): Promise<DecodedRow[]> {
    const { rows, prompts, signal, temperature } = request;
    const rules = tokenRules(layout, request);
    const promptLength = prompts[0]?.length ?? 0;
    const room = roomForTokens(layout.textContext, promptLength, request.maxNewTokens);
    const written = rows.map((): number[] => []);
    const logprobs = rows.map((): number[] => []);

    signal.throwIfAborted();
    let { logits, outputs } = await prefill(rows, prompts);
    const noSpeech = rows.map((_, row) => {
      const at = row * promptLength + (prompts[row] ?? []).indexOf(special.sot);
      return probabilityOf(logits.subarray(at * vocab, (at + 1) * vocab), special.noSpeech);
    });
    const pasts = presentsToPasts(outputs);
    const encoding = encodingTensor(stepSession, rows, layout.dModel);
    for (let fed = promptLength; ; ) {
      const next = rows.map((_, row) => {
        const made = written[row] ?? [];
        if (made.at(-1) === special.eot) return special.eot;
        const last = (row + 1) * fed - 1;
        const scores = logits.slice(last * vocab, (last + 1) * vocab);
        applyRules(rules, made, scores);
        const { token, logprob } = chooseToken(scores, temperature, random[row] ?? Math.random);
        made.push(token);
        logprobs[row]?.push(logprob);
        return token;
      });
      const length = Math.max(...written.map((made) => made.length));
      if (length >= room || next.every((token) => token === special.eot)) break;
      // Lets a cancel come in between two tokens.
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      ({ logits, outputs } = await step(next, promptLength + length - 1, pasts, encoding));
      keepDecoderPresents(outputs, pasts);
      fed = 1;
    }
    return written.map((made, row) => finishRow(made, logprobs[row] ?? [], special.eot, noSpeech[row] ?? Number.NaN));
  }

  return {
    async decode(request) {
      const results: DecodedRow[] = [];
      for (const group of groupByPromptLength(request.prompts)) {
        const part = await decodeGroup(
          { ...request, rows: pick(request.rows, group), prompts: pick(request.prompts, group) },
          group.map((row) => createRandom(request.seeds?.[row] ?? 0)),
        );
        for (const [index, row] of group.entries()) results[row] = part[index] as DecodedRow;
      }
      return results;
    },
    async detectLanguage(rows) {
      if (!layout.isMultilingual) return rows.map(() => []);
      const start = rows.map(() => [special.sot]);
      const { logits } = await prefill(rows, start);
      return rows.map((_, row) => languagesAt(layout, logits.subarray(row * vocab, (row + 1) * vocab)));
    },
    async alignments(row, tokens): Promise<Alignment> {
      if (!layout.hasCrossAttentions) throw new Error('The decoder graph gives no cross attentions');
      const { outputs } = await prefill([row], [tokens]);
      return gatherAlignment(outputs, layout.alignmentHeads);
    },
    async release() {
      await prefillSession.release();
      if (stepSession !== prefillSession) await stepSession.release();
    },
  };
}

/** Probabilities among the language tokens (openai/whisper, decoding.py: `detect_language`). `logits` [vocab] */
export function languagesAt({ tokens }: WhisperLayout, logits: Float32Array) {
  const probabilities = probabilitiesOf(logits, tokens.languages.values());
  return [...tokens.languages.keys()].map((code, index) => ({ code, probability: probabilities[index] ?? 0 }));
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

function pick<T>(values: readonly T[], indices: readonly number[]): T[] {
  return indices.map((index) => values[index] as T);
}
