/** Decoding with the loop inside the graph: one run per batch of rows with prompts of one length. */
import type { OpenedSession, TensorLike } from '../../audio/session.ts';
import {
  type DecodedRow,
  type DecodeRequest,
  finishRow,
  groupByPromptLength,
  probabilityOf,
  roomForTokens,
  stackRows,
  type WhisperDecoder,
} from './decoder.ts';
import type { WhisperLayout } from './layout.ts';
import { LOOP_INPUTS, LOOP_OUTPUTS } from './loop-io.ts';
import { FORBIDDEN } from './loop-rules.ts';
import { createRandom } from './random.ts';
import { languagesAt } from './step-decoder.ts';
import { type TokenRules, tokenRules } from './token-rules.ts';

interface Run {
  rows: readonly Float32Array[];
  /** [rows][tokens], all of one length. */
  prompts: readonly (readonly number[])[];
  rules: TokenRules;
  /** Tokens to write, at least 1. */
  room: number;
  temperature: number;
  /** Of each row's draws, in [0, 1). */
  randoms: readonly (() => number)[];
  /** Leading positions of the prompt whose attention is wanted. */
  attended: number;
}

/** What runs without decoding leave at rest. */
const IDLE = { room: 1, temperature: 0, randoms: [], attended: 0 };

type Outputs = Record<string, TensorLike>;

export function createLoopDecoder(session: OpenedSession, layout: WhisperLayout): WhisperDecoder {
  const { vocab, tokens: special } = layout;
  const plain = tokenRules(layout, { timestamps: false });

  function run({ rows, prompts, rules, room, temperature, randoms, attended }: Run): Promise<Outputs> {
    const length = prompts[0]?.length ?? 0;
    const int64 = (values: readonly number[], dims: readonly number[]) =>
      session.tensor('int64', BigInt64Array.from(values, BigInt), dims);
    const encodings = stackRows(rows);
    const start = prompts[0]?.indexOf(special.sot) ?? 0;
    const firstLimit = rules.timestamps ? firstTimestampLimit(rules, vocab) : vocab;
    return session.run({
      [LOOP_INPUTS.ids]: int64(prompts.flat(), [rows.length, length]),
      [LOOP_INPUTS.encoding]: session.tensor('float32', encodings, [
        rows.length,
        encodings.length / rows.length / layout.dModel,
        layout.dModel,
      ]),
      [LOOP_INPUTS.positions]: int64([Math.max(0, start), length - 1], [2]),
      [LOOP_INPUTS.steps]: int64([room - 1], []),
      [LOOP_INPUTS.firstBias]: biasTensor(session, vocab, [...forbidden(rules), ...rules.beginSuppress]),
      [LOOP_INPUTS.bias]: biasTensor(session, vocab, forbidden(rules)),
      [LOOP_INPUTS.timestamps]: session.tensor('bool', Uint8Array.of(rules.timestamps ? 1 : 0), [1, 1]),
      [LOOP_INPUTS.firstLimit]: int64([firstLimit], [1, 1]),
      [LOOP_INPUTS.sampling]: session.tensor('bool', Uint8Array.of(temperature > 0 ? 1 : 0), []),
      [LOOP_INPUTS.temperature]: session.tensor('float32', Float32Array.of(temperature > 0 ? temperature : 1), [1, 1]),
      [LOOP_INPUTS.draws]: session.tensor('float32', drawsOf(randoms, rows.length, room), [room, rows.length]),
      ...(layout.hasCrossAttentions ? { [LOOP_INPUTS.attended]: int64([attended], [1]) } : {}),
    });
  }

  /** Rows of one prompt length. */
  async function decodeGroup(request: DecodeRequest, randoms: (() => number)[]): Promise<DecodedRow[]> {
    const { rows, prompts, temperature } = request;
    const room = roomForTokens(layout.textContext, prompts[0]?.length ?? 0, request.maxNewTokens);
    const outputs = await run({
      rows,
      prompts,
      rules: tokenRules(layout, request),
      room,
      temperature,
      randoms: temperature > 0 ? randoms : [],
      attended: 0,
    });
    const written = columns(outputs, LOOP_OUTPUTS.firstToken, LOOP_OUTPUTS.tokens, rows.length);
    const logprobs = columns(outputs, LOOP_OUTPUTS.firstLogprob, LOOP_OUTPUTS.logprobs, rows.length);
    return rows.map((_, row) => {
      const noSpeech = probabilityOf(startLogits(outputs, row), special.noSpeech);
      return finishRow(written[row] ?? [], logprobs[row] ?? [], special.eot, noSpeech);
    });
  }

  /** [vocab] */
  function startLogits(outputs: Outputs, row: number): Float32Array {
    return (outputOf(outputs, LOOP_OUTPUTS.startLogits).data as Float32Array).subarray(row * vocab, (row + 1) * vocab);
  }

  return {
    async decode(request) {
      const results: DecodedRow[] = [];
      for (const group of groupByPromptLength(request.prompts)) {
        // Lets a cancel come in between two batches.
        await new Promise((resolve) => setImmediate(resolve));
        request.signal.throwIfAborted();
        const part = await decodeGroup(
          { ...request, ...pickRows(request, group) },
          group.map((row) => createRandom(request.seeds?.[row] ?? 0)),
        );
        for (const [index, row] of group.entries()) results[row] = part[index] as DecodedRow;
      }
      return results;
    },
    async detectLanguage(rows) {
      if (!layout.isMultilingual) return rows.map(() => []);
      const outputs = await run({ ...IDLE, rows, prompts: rows.map(() => [special.sot]), rules: plain });
      return rows.map((_, row) => languagesAt(layout, startLogits(outputs, row)));
    },
    async alignments(row, tokens) {
      if (!layout.hasCrossAttentions) throw new Error('The decoder graph gives no cross attentions');
      const outputs = await run({ ...IDLE, rows: [row], prompts: [tokens], rules: plain, attended: tokens.length });
      const { dims, data } = outputOf(outputs, LOOP_OUTPUTS.alignment);
      const [, heads = 0, count = 0, frames = 0] = dims;
      return { heads, tokens: count, frames, data: data as Float32Array };
    },
    async release() {
      await session.release();
    },
  };
}

/** The first id that the first token may not be. */
function firstTimestampLimit({ timestampBegin, maxInitialTimestampIndex }: TokenRules, vocab: number): number {
  return maxInitialTimestampIndex === undefined ? vocab : timestampBegin + maxInitialTimestampIndex + 1;
}

function forbidden({ suppress, timestamps, noTimestamps }: TokenRules): number[] {
  return timestamps ? [...suppress, noTimestamps] : [...suppress];
}

/** [1, vocab]: 0, and `FORBIDDEN` at the ids. */
function biasTensor(session: OpenedSession, vocab: number, ids: readonly number[]): TensorLike {
  const bias = new Float32Array(vocab);
  for (const id of ids) bias[id] = FORBIDDEN;
  return session.tensor('float32', bias, [1, vocab]);
}

/** [room, rows]; all 0 without generators. */
function drawsOf(randoms: readonly (() => number)[], rows: number, room: number): Float32Array {
  const draws = new Float32Array(room * rows);
  for (const [row, random] of randoms.entries()) {
    for (let step = 0; step < room; step += 1) draws[step * rows + row] = random();
  }
  return draws;
}

/** The first token's values [rows, 1] and the others' [steps, rows, 1] → [rows][1 + steps] */
function columns(outputs: Outputs, first: string, others: string, rows: number): number[][] {
  const begin = outputOf(outputs, first).data;
  const { data, dims } = outputOf(outputs, others);
  return Array.from({ length: rows }, (_, row) => [
    Number(begin[row]),
    ...Array.from({ length: dims[0] ?? 0 }, (_, step) => Number(data[step * rows + row])),
  ]);
}

function outputOf(outputs: Outputs, name: string): TensorLike {
  const output = outputs[name];
  if (output === undefined) throw new Error(`The decoder graph has no output "${name}"`);
  return output;
}

function pickRows({ rows, prompts }: DecodeRequest, group: readonly number[]): Pick<DecodeRequest, 'rows' | 'prompts'> {
  return {
    rows: group.map((row) => rows[row] as Float32Array),
    prompts: group.map((row) => prompts[row] as readonly number[]),
  };
}
