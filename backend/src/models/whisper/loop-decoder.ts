/** Decoding with the loop inside the graph: one run, or some, per batch of rows with prompts of one length. */
import type { OpenedSession, TensorLike } from '../../audio/session.ts';
import { createRandom } from '../random.ts';
import type { CrossRows } from './cross-rows.ts';
import {
  type DecodedRow,
  type DecodeRequest,
  finishRow,
  groupByPromptLength,
  pick,
  probabilityOf,
  roomForTokens,
  stackRows,
  type WhisperDecoder,
} from './decoder.ts';
import type { WhisperLayout } from './layout.ts';
import { LOOP_INPUTS, LOOP_OUTPUTS } from './loop-io.ts';
import { FORBIDDEN } from './loop-rules.ts';
import { languagesAt } from './step-decoder.ts';
import { type TokenRules, tokenRules } from './token-rules.ts';

interface Run {
  rows: readonly Float32Array[];
  /** [rows][tokens], all of one length. */
  prompts: readonly (readonly number[])[];
  /** [rows][tokens] at the prompts' end that were written before, of one length too. */
  written: readonly (readonly number[])[];
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
const IDLE = { written: [], room: 1, temperature: 0, randoms: [], attended: 0 };

interface Row {
  encoding: Float32Array;
  prompt: readonly number[];
  random: (() => number) | undefined;
  /** The end token included, and what the graph repeats behind it. */
  written: number[];
  logprobs: number[];
  noSpeech: number;
}

type Outputs = Record<string, TensorLike>;

/**
 * Tokens that a run may write before it comes up for air: nothing else happens in the process meanwhile, and a cancelled
 * request shall be heard of within 2 s. Always as many: in float32 what a row writes would else hang, by a rounding here and
 * there, on where its runs began.
 */
const TOKENS_PER_RUN = 64;

export interface LoopDecoderOptions {
  /** Where the graph takes keys and values of the encoder's output, what makes them. */
  cross?: CrossRows | undefined;
  tokensPerRun?: number;
}

export function createLoopDecoder(
  session: OpenedSession,
  layout: WhisperLayout,
  { cross, tokensPerRun = TOKENS_PER_RUN }: LoopDecoderOptions = {},
): WhisperDecoder {
  const { vocab, tokens: special } = layout;
  const plain = tokenRules(layout, { timestamps: false });

  async function attention(rows: readonly Float32Array[]): Promise<Record<string, TensorLike>> {
    if (cross !== undefined) return cross.stack(rows);
    const encodings = stackRows(rows);
    const dims = [rows.length, encodings.length / rows.length / layout.dModel, layout.dModel];
    return { [LOOP_INPUTS.encoding]: session.tensor('float32', encodings, dims) };
  }

  async function run({ rows, prompts, written, rules, room, temperature, randoms, attended }: Run): Promise<Outputs> {
    const length = prompts[0]?.length ?? 0;
    const int64 = (values: readonly number[], dims: readonly number[]) =>
      session.tensor('int64', BigInt64Array.from(values, BigInt), dims);
    const bools = (values: readonly boolean[], dims: readonly number[]) =>
      session.tensor('bool', Uint8Array.from(values, Number), dims);
    const start = prompts[0]?.indexOf(special.sot) ?? 0;
    const continuing = (written[0]?.length ?? 0) > 0;
    const beginSuppress = continuing ? [] : rules.beginSuppress;
    const states = rows.map((_, row) => ruleState(written[row] ?? [], rules.timestampBegin));
    const firstLimit = rules.timestamps ? firstTimestampLimit(rules, vocab) : vocab;
    return session.run({
      [LOOP_INPUTS.ids]: int64(prompts.flat(), [rows.length, length]),
      ...(await attention(rows)),
      [LOOP_INPUTS.positions]: int64([Math.max(0, start), length - 1], [2]),
      [LOOP_INPUTS.steps]: int64([room - 1], []),
      [LOOP_INPUTS.firstBias]: biasTensor(session, vocab, [...forbidden(rules), ...beginSuppress]),
      [LOOP_INPUTS.bias]: biasTensor(session, vocab, forbidden(rules)),
      [LOOP_INPUTS.timestamps]: bools([rules.timestamps], [1, 1]),
      [LOOP_INPUTS.firstLimit]: int64([firstLimit], [1, 1]),
      [LOOP_INPUTS.continuing]: bools([continuing], [1, 1]),
      [LOOP_INPUTS.lastToken]: int64(
        states.map(({ token }) => token),
        [rows.length, 1],
      ),
      [LOOP_INPUTS.oneBeforeIsTime]: bools(
        states.map(({ oneBeforeIsTime }) => oneBeforeIsTime),
        [rows.length, 1],
      ),
      [LOOP_INPUTS.lastTime]: int64(
        states.map(({ lastTime }) => lastTime),
        [rows.length, 1],
      ),
      [LOOP_INPUTS.sampling]: bools([temperature > 0], []),
      [LOOP_INPUTS.temperature]: session.tensor('float32', Float32Array.of(temperature > 0 ? temperature : 1), [1, 1]),
      [LOOP_INPUTS.draws]: session.tensor('float32', drawsOf(randoms, rows.length, room), [room, rows.length]),
      ...(layout.hasCrossAttentions ? { [LOOP_INPUTS.attended]: int64([attended], [1]) } : {}),
    });
  }

  /**
   * Rows of one prompt length. In several runs if it takes long: what has been written is then part of the next run's
   * prompt, and rows that have ended are left out of it.
   */
  async function decodeGroup(request: DecodeRequest): Promise<DecodedRow[]> {
    const { temperature, signal } = request;
    const rules = tokenRules(layout, request);
    const rows = request.rows.map((encoding, row): Row => {
      const seed = request.seeds?.[row] ?? 0;
      const random = temperature > 0 ? createRandom(seed) : undefined;
      return { encoding, prompt: request.prompts[row] ?? [], random, written: [], logprobs: [], noSpeech: 0 };
    });
    let room = roomForTokens(layout.textContext, rows[0]?.prompt.length ?? 0, request.maxNewTokens);
    for (
      let open = rows;
      open.length > 0 && room > 0;
      open = open.filter((row) => row.written.at(-1) !== special.eot)
    ) {
      // Lets a cancel come in between two runs.
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      const tokens = Math.min(room, tokensPerRun);
      await writeTokens(open, rules, tokens, temperature);
      room -= tokens;
    }
    return rows.map(({ written, logprobs, noSpeech }) => finishRow(written, logprobs, special.eot, noSpeech));
  }

  /** One run: up to `count` more tokens of each row. */
  async function writeTokens(rows: readonly Row[], rules: TokenRules, count: number, temperature: number) {
    const outputs = await run({
      rows: rows.map(({ encoding }) => encoding),
      prompts: rows.map(({ prompt, written }) => [...prompt, ...written]),
      written: rows.map(({ written }) => written),
      rules,
      room: count,
      temperature,
      randoms: rows.flatMap(({ random }) => random ?? []),
      attended: 0,
    });
    const tokens = columns(outputs, LOOP_OUTPUTS.firstToken, LOOP_OUTPUTS.tokens, rows.length);
    const logprobs = columns(outputs, LOOP_OUTPUTS.firstLogprob, LOOP_OUTPUTS.logprobs, rows.length);
    for (const [i, row] of rows.entries()) {
      if (row.written.length === 0) row.noSpeech = probabilityOf(startLogits(outputs, i), special.noSpeech);
      row.written.push(...(tokens[i] ?? []));
      row.logprobs.push(...(logprobs[i] ?? []));
    }
  }

  /** [vocab] */
  function startLogits(outputs: Outputs, row: number): Float32Array {
    return (outputOf(outputs, LOOP_OUTPUTS.startLogits).data as Float32Array).subarray(row * vocab, (row + 1) * vocab);
  }

  return {
    async decode(request) {
      const results: DecodedRow[] = [];
      for (const group of groupByPromptLength(request.prompts)) {
        const part = await decodeGroup(pick(request, group));
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
      await cross?.release();
      await session.release();
    },
  };
}

/** What the rules remember of a row's tokens; see `RuleState`. */
function ruleState(written: readonly number[], timestampBegin: number) {
  const isTime = (token: number | undefined) => token !== undefined && token >= timestampBegin;
  return {
    token: written.at(-1) ?? 0,
    oneBeforeIsTime: written.length < 2 || isTime(written.at(-2)),
    lastTime: written.findLast(isTime) ?? timestampBegin - 1,
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
