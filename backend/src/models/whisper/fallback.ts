/** When a decoding counts as failed and is tried again at a higher temperature (openai/whisper, transcribe.py). */

/** What the decisions look at. */
export interface AttemptQuality {
  /** Of the text; see `compressionRatio`. */
  compressionRatio: number;
  /** Mean natural log-probability of the tokens, the end token included. */
  avgLogprob: number;
  /** Probability of `<|nospeech|>` at the first position. */
  noSpeechProb: number;
}

export interface FallbackThresholds {
  /** More is a loop. */
  compressionRatio: number;
  /** Less is a guess. */
  avgLogprob: number;
  /** More, together with a guess, is silence. */
  noSpeech: number;
}

export const DEFAULT_THRESHOLDS: FallbackThresholds = { compressionRatio: 2.4, avgLogprob: -1, noSpeech: 0.6 };

/** A caller's 0 means greedy, then ever freer sampling as needed; any other temperature is taken at its word. */
export function temperaturesFor(requested: number): readonly number[] {
  return requested === 0 ? [0, 0.2, 0.4, 0.6, 0.8, 1] : [requested];
}

/** True for a loop or a guess, unless the guess is about silence, which no temperature makes better. */
export function needsFallback(quality: AttemptQuality, thresholds = DEFAULT_THRESHOLDS): boolean {
  const guessed = quality.avgLogprob < thresholds.avgLogprob;
  if (guessed && quality.noSpeechProb > thresholds.noSpeech) return false;
  return guessed || quality.compressionRatio > thresholds.compressionRatio;
}

/** True when the window's text is to be withheld: no speech, and the model is not sure of what it wrote either. */
export function isSilence(quality: AttemptQuality, thresholds = DEFAULT_THRESHOLDS): boolean {
  return quality.noSpeechProb > thresholds.noSpeech && quality.avgLogprob <= thresholds.avgLogprob;
}

/** Tries one temperature after the other until an attempt is good enough; else the last one stands. */
export async function decodeWithFallback<A extends AttemptQuality>(
  attempt: (temperature: number) => Promise<A>,
  temperatures: readonly number[],
  thresholds = DEFAULT_THRESHOLDS,
): Promise<A & { temperature: number }> {
  const [first = 0, ...others] = temperatures;
  let temperature = first;
  let result = await attempt(temperature);
  for (const next of others) {
    if (!needsFallback(result, thresholds)) break;
    temperature = next;
    result = await attempt(temperature);
  }
  return { ...result, temperature };
}
