/** Decodes windows by beam search: each window's beams are rows of the step graph's batch. */
import { type BeamSearch, createBeamSearch } from './beam-search.ts';
import { type DecodedRow, type DecodeRequest, finishRow, roomForTokens } from './decoder.ts';
import type { DecoderPasses, Pass } from './decoder-passes.ts';
import type { WhisperLayout } from './layout.ts';
import { applyRules, tokenRules } from './token-rules.ts';

export interface BeamRequest extends DecodeRequest {
  beamSize: number;
  /** Of each row, from the prompt's pass. */
  noSpeech: readonly number[];
}

/** Rows of one prompt length; `prompt` is their pass. */
export async function decodeBeams(
  passes: DecoderPasses,
  layout: WhisperLayout,
  request: BeamRequest,
  prompt: Pass,
): Promise<DecodedRow[]> {
  const { rows, prompts, noSpeech, signal, beamSize } = request;
  const { vocab, tokens: special } = layout;
  const rules = tokenRules(layout, request);
  const promptLength = prompts[0]?.length ?? 0;
  const room = roomForTokens(layout.textContext, promptLength, request.maxNewTokens);
  const searches = rows.map(() => createBeamSearch({ size: beamSize, eot: special.eot }));

  /** One token on, from logits [beams of all `active`][fed][vocab]. Returns the rows that the beams to come continue. */
  function advance(active: readonly BeamSearch[], logits: Float32Array, fed: number): number[] {
    let first = 0;
    return active.flatMap((search) => {
      const begin = first;
      const scores = search.live.map(({ tokens }, beam) => {
        const end = (begin + beam + 1) * fed * vocab;
        const own = logits.slice(end - vocab, end);
        applyRules(rules, tokens, own);
        return own;
      });
      first += scores.length;
      const sources = search.advance(scores);
      return search.done ? [] : sources.map((source) => begin + source);
    });
  }

  let cache = passes.cacheOf(rows, prompt);
  let active: readonly BeamSearch[] = searches;
  let sources = advance(active, prompt.logits, promptLength);
  for (let length = 1; ; length += 1) {
    active = active.filter(({ done }) => !done);
    if (active.length === 0 || length >= room) break;
    // Lets a cancel come in between two tokens.
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    cache = passes.pick(cache, sources);
    const last = active.flatMap(({ live }) => live.map(({ tokens }) => tokens.at(-1) ?? special.eot));
    const { logits } = await passes.step(last, promptLength + length - 1, cache);
    sources = advance(active, logits, 1);
  }
  return searches.map((search, row) => {
    const { tokens, logprobs } = search.best();
    return finishRow(tokens, logprobs, special.eot, noSpeech[row] ?? Number.NaN);
  });
}
