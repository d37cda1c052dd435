/** Decoding with the loop outside the graph: one run per token. For graphs that cannot be rewritten, beams, and the tests' yardstick. */

import { createRandom } from '../random.ts';
import { decodeBeams } from './beam-decoder.ts';
import {
  type Alignment,
  type DecodedRow,
  type DecodeRequest,
  finishRow,
  groupByPromptLength,
  pick,
  probabilitiesOf,
  probabilityOf,
  roomForTokens,
  type WhisperDecoder,
} from './decoder.ts';
import { createDecoderPasses, type DecoderSessions, type Pass } from './decoder-passes.ts';
import { gatherAlignment } from './gather-alignment.ts';
import type { WhisperLayout } from './layout.ts';
import { chooseToken } from './sample-token.ts';
import { applyRules, tokenRules } from './token-rules.ts';

export function createStepDecoder(sessions: DecoderSessions, layout: WhisperLayout): WhisperDecoder {
  const passes = createDecoderPasses(sessions, layout);
  const { vocab, tokens: special } = layout;

  /** Probability of `<|nospeech|>` for each row, from the prompts' pass. */
  function noSpeechOf({ logits }: Pass, prompts: DecodeRequest['prompts']): number[] {
    return prompts.map((prompt, row) => {
      const at = row * prompt.length + prompt.indexOf(special.sot);
      return probabilityOf(logits.subarray(at * vocab, (at + 1) * vocab), special.noSpeech);
    });
  }

  /** Rows of one prompt length. */
  async function decodeGroup(request: DecodeRequest): Promise<DecodedRow[]> {
    const { rows, prompts, seeds = [], signal, temperature, beamSize = 1 } = request;
    const rules = tokenRules(layout, request);
    const promptLength = prompts[0]?.length ?? 0;
    const room = roomForTokens(layout.textContext, promptLength, request.maxNewTokens);
    const random = rows.map((_, row) => createRandom(seeds[row] ?? 0));
    const written = rows.map((): number[] => []);
    const logprobs = rows.map((): number[] => []);

    signal.throwIfAborted();
    const prompt = await passes.prefill(rows, prompts);
    const noSpeech = noSpeechOf(prompt, prompts);
    if (beamSize > 1) return decodeBeams(passes, layout, { ...request, beamSize, noSpeech }, prompt);
    const cache = passes.cacheOf(rows, prompt);
    let { logits } = prompt;
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
      ({ logits } = await passes.step(next, promptLength + length - 1, cache));
      fed = 1;
    }
    return written.map((made, row) => finishRow(made, logprobs[row] ?? [], special.eot, noSpeech[row] ?? Number.NaN));
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
      const start = rows.map(() => [special.sot]);
      const { logits } = await passes.prefill(rows, start);
      return rows.map((_, row) => languagesAt(layout, logits.subarray(row * vocab, (row + 1) * vocab)));
    },
    async alignments(row, tokens): Promise<Alignment> {
      if (!layout.hasCrossAttentions) throw new Error('The decoder graph gives no cross attentions');
      const { outputs } = await passes.prefill([row], [tokens]);
      return gatherAlignment(outputs, layout.alignmentHeads);
    },
    release: () => passes.release(),
  };
}

/** Probabilities among the language tokens (openai/whisper, decoding.py: `detect_language`). `logits` [vocab] */
export function languagesAt({ tokens }: WhisperLayout, logits: Float32Array) {
  const probabilities = probabilitiesOf(logits, tokens.languages.values());
  return [...tokens.languages.keys()].map((code, index) => ({ code, probability: probabilities[index] ?? 0 }));
}
