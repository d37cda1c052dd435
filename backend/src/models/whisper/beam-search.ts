/** Beam search over one window's text (openai/whisper, decoding.py: `BeamSearchDecoder`, `MaximumLikelihoodRanker`). */
import { logSumExp } from './token-rules.ts';

/** A text on its way. */
export interface Hypothesis {
  /** Behind the prompt; the end token is the last one of a finished text. */
  tokens: readonly number[];
  /** Natural logarithms of the tokens' probabilities. */
  logprobs: readonly number[];
  /** Of the logprobs. */
  sum: number;
}

export interface BeamSearch {
  /** Texts that go on, `size` at most: one, empty, at first, and fewer only where the rules leave no more. */
  readonly live: readonly Hypothesis[];
  /** `size` texts have ended, or none goes on. */
  readonly done: boolean;
  /** `scores`: of each live text [vocab] logits after the rules. Returns which of them each new live text continues. */
  advance(scores: readonly Float32Array[]): number[];
  /** The text of the largest mean logprob among the finished ones, and the live ones where too few have finished. */
  best(): Hypothesis;
}

interface Candidate {
  /** Index of the live text it continues. */
  source: number;
  token: number;
  logprob: number;
  sum: number;
}

/** The search ends with as many finished texts as beams (the reference's patience of 1). */
export function createBeamSearch({ size, eot }: { size: number; eot: number }): BeamSearch {
  let live: readonly Hypothesis[] = [{ tokens: [], logprobs: [], sum: 0 }];
  const finished: Hypothesis[] = [];

  const extend = ({ source, token, logprob, sum }: Candidate): Hypothesis => ({
    tokens: [...(live[source]?.tokens ?? []), token],
    logprobs: [...(live[source]?.logprobs ?? []), logprob],
    sum,
  });

  return {
    get live() {
      return live;
    },
    get done() {
      return finished.length >= size || live.length === 0;
    },
    advance(scores) {
      // One more than beams: the end may be among them.
      const candidates = live
        .flatMap(({ sum }, source) =>
          likeliest(scores[source] ?? new Float32Array(0), size + 1).map(
            ({ token, logprob }): Candidate => ({ source, token, logprob, sum: sum + logprob }),
          ),
        )
        .toSorted((a, b) => b.sum - a.sum);
      const kept: Candidate[] = [];
      for (const candidate of candidates) {
        if (kept.length === size) break;
        if (candidate.token !== eot) kept.push(candidate);
        else if (finished.length < size) finished.push(extend(candidate));
      }
      live = kept.map(extend);
      return kept.map(({ source }) => source);
    },
    best() {
      const unfinished = live.toSorted((a, b) => b.sum - a.sum).slice(0, size - finished.length);
      // The reference's length leaves the end token out, its sum does not.
      const rank = ({ tokens, sum }: Hypothesis) => sum / Math.max(1, tokens.length - (tokens.at(-1) === eot ? 1 : 0));
      const [first, ...others] = [...finished, ...unfinished];
      if (first === undefined) throw new Error('The rules forbid every token');
      return others.reduce((best, next) => (rank(next) > rank(best) ? next : best), first);
    },
  };
}

/** The likeliest tokens, best first; what is forbidden (−∞) never. `scores` [vocab] */
function likeliest(scores: Float32Array, count: number): { token: number; logprob: number }[] {
  const all = logSumExp(scores);
  const top: { token: number; score: number }[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < scores.length; token += 1) {
    const score = scores[token] ?? Number.NEGATIVE_INFINITY;
    if (!(score > least)) continue;
    const at = top.findIndex((other) => score > other.score);
    top.splice(at === -1 ? top.length : at, 0, { token, score });
    if (top.length > count) top.pop();
    if (top.length === count) least = top.at(-1)?.score ?? least;
  }
  return top.map(({ token, score }) => ({ token, logprob: score - all }));
}
