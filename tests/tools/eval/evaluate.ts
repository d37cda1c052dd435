import { probeAudio } from '../../../backend/src/audio/probe.ts';
import { parseLanguage } from '../../../backend/src/text/languages.ts';
import type { Unit } from '../../../backend/src/text/normalize.ts';
import { countErrors, type ErrorCounts } from '../../../backend/src/text/wer.ts';
import type { Clip } from './manifest.ts';
import { type Normalizer, type Tokenizer, tokenizerFor } from './text-normalizer.ts';
import { type Endpoint, transcribeClip } from './transcribe-clip.ts';

interface Tried {
  clip: Clip;
  /** Length of the audio; undefined when neither ffprobe nor the server tells. */
  seconds: number | undefined;
}

export interface ScoredClip extends Tried {
  unit: Unit;
  /** The one its text was counted under. */
  normalizer: Tokenizer['normalizer'];
  errors: ErrorCounts;
  latencySeconds: number;
}

export interface FailedClip extends Tried {
  /** What the server or the network answered. */
  failure: string;
}

export type ClipResult = ScoredClip | FailedClip;

/** Transcribes all clips, `concurrency` at a time, and counts errors. One clip's failure leaves the others alone. */
export async function evaluate(
  clips: readonly Clip[],
  endpoint: Endpoint,
  { concurrency, normalizer }: { concurrency: number; normalizer: Normalizer },
  onResult: (result: ClipResult) => void,
): Promise<ClipResult[]> {
  const results: ClipResult[] = new Array(clips.length);
  const queue = clips.entries();
  const worker = async () => {
    for (const [index, clip] of queue) {
      const result = await evaluateClip(clip, endpoint, normalizer);
      results[index] = result;
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return results;
}

async function evaluateClip(clip: Clip, endpoint: Endpoint, chosen: Normalizer): Promise<ClipResult> {
  const known = await probeAudio(clip.path, { signal: AbortSignal.timeout(60_000) }).then(
    (info) => info.durationSeconds,
    () => undefined, // the server's own refusal says more
  );
  try {
    const { text, latencySeconds, billedSeconds } = await transcribeClip(clip, endpoint);
    const language = clip.language === undefined ? undefined : parseLanguage(clip.language);
    const { normalizer, unit, tokenize } = tokenizerFor(chosen, language);
    const errors = countErrors(tokenize(clip.text), tokenize(text));
    return { clip, seconds: known ?? billedSeconds, unit, normalizer, errors, latencySeconds };
  } catch (error) {
    return { clip, seconds: known, failure: error instanceof Error ? error.message : String(error) };
  }
}
