/** Decodes the reference's cases and compares: token for token, and how far the probabilities are apart. */
import type { DecodedRow, WhisperDecoder } from '../../../backend/src/models/whisper/decoder.ts';
import type { ReferenceCase } from '../../fixtures/whisper/reference.ts';
import type { TinyWhisper } from './tiny-whisper.ts';

export interface Comparison {
  cases: number;
  /** Cases whose tokens, and way to end, are the reference's. */
  equal: number;
  different: string[];
  /** Largest differences over the equal cases. */
  logprobError: number;
  noSpeechError: number;
}

const NEVER = new AbortController().signal;

/** `batch` cases at a time, of one kind and one set of rules, of whatever prompt length. */
export async function compareCases(
  model: TinyWhisper,
  decoder: WhisperDecoder,
  cases: readonly ReferenceCase[],
  { batch, maxNewTokens }: { batch: number; maxNewTokens: number },
): Promise<Comparison> {
  const comparison: Comparison = { cases: 0, equal: 0, different: [], logprobError: 0, noSpeechError: 0 };
  const sets = Map.groupBy(cases, ({ timestamps, suppress }) => `${timestamps} ${suppress}`);
  for (const set of sets.values()) {
    for (let from = 0; from < set.length; from += batch) {
      const chosen = set.slice(from, from + batch);
      const made = await decodeCases(model, decoder, chosen, maxNewTokens);
      for (const [index, item] of chosen.entries()) compare(comparison, item, made[index]);
    }
  }
  return comparison;
}

async function decodeCases(
  model: TinyWhisper,
  decoder: WhisperDecoder,
  cases: readonly ReferenceCase[],
  maxNewTokens: number,
): Promise<DecodedRow[]> {
  const rows = await Promise.all(cases.map((item) => model.encode(item)));
  return decoder.decode({
    rows,
    prompts: cases.map(({ prompt }) => prompt),
    timestamps: cases[0]?.timestamps ?? false,
    maxNewTokens,
    temperature: 0,
    ...(cases[0]?.suppress === false ? { suppress: [], beginSuppress: [] } : {}),
    signal: NEVER,
  });
}

function compare(comparison: Comparison, item: ReferenceCase, row: DecodedRow | undefined): void {
  comparison.cases += 1;
  const expected = item.end === 'eot' ? item.tokens.slice(0, -1) : item.tokens;
  if (row === undefined || row.finished !== item.end || row.tokens.join() !== expected.join()) {
    comparison.different.push(item.id);
    return;
  }
  comparison.equal += 1;
  const errors = row.logprobs.map((logprob, index) => Math.abs(logprob - (item.logprobs[index] ?? Number.NaN)));
  const sum = item.logprobs.reduce((total, logprob) => total + logprob, 0);
  errors.push(Math.abs(row.avgLogprob - sum / (expected.length + 1)));
  comparison.logprobError = Math.max(comparison.logprobError, ...errors);
  comparison.noSpeechError = Math.max(comparison.noSpeechError, Math.abs(row.noSpeechProb - item.noSpeech));
}

/** Language detection against the reference's, `batch` at a time. */
export async function compareLanguages(
  model: TinyWhisper,
  decoder: WhisperDecoder,
  cases: readonly ReferenceCase[],
  batch: number,
): Promise<{ cases: number; equal: number; error: number }> {
  const detected = cases.filter((item) => item.detected);
  let equal = 0;
  let error = 0;
  for (let from = 0; from < detected.length; from += batch) {
    const chosen = detected.slice(from, from + batch);
    const made = await decoder.detectLanguage(await Promise.all(chosen.map((item) => model.encode(item))));
    for (const [index, item] of chosen.entries()) {
      const best = made[index]?.toSorted((a, b) => b.probability - a.probability)[0];
      if (best?.code === item.detected?.language) equal += 1;
      error = Math.max(error, Math.abs((best?.probability ?? Number.NaN) - (item.detected?.probability ?? 0)));
    }
  }
  return { cases: detected.length, equal, error };
}
