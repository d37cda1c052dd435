import { probeAudio } from '../../../backend/src/audio/probe.ts';
import { countSpeakerErrors } from '../../../backend/src/text/cp-wer.ts';
import {
  countDiarizationErrors,
  type DiarizationErrors,
  type DiarizationScoring,
} from '../../../backend/src/text/der.ts';
import { parseLanguage } from '../../../backend/src/text/languages.ts';
import type { Unit } from '../../../backend/src/text/normalize.ts';
import { countErrors, type ErrorCounts } from '../../../backend/src/text/wer.ts';
import { type DiarizationEndpoint, diarizeClip } from './diarize-clip.ts';
import type { Clip } from './manifest.ts';
import type { Endpoint } from './post-form.ts';
import { type SourceScores, separateClip } from './separate-clip.ts';
import { type Normalizer, type Tokenizer, tokenizerFor } from './text-normalizer.ts';
import { transcribeClip, transcribeSpeakers } from './transcribe-clip.ts';

interface Tried {
  clip: Clip;
  /** Length of the audio; undefined when neither ffprobe nor the server tells. */
  seconds: number | undefined;
}

interface Scored extends Tried {
  latencySeconds: number;
}

interface SpeakersCounted {
  /** How many speak, and how many were found. */
  speakers: { reference: number; hypothesis: number };
}

interface TextScored extends Scored {
  unit: Unit;
  /** The one its text was counted under. */
  normalizer: Tokenizer['normalizer'];
  errors: ErrorCounts;
}

export interface ScoredClip extends TextScored {
  measure: 'wer';
}

export interface ScoredSpeakers extends TextScored, SpeakersCounted {
  measure: 'cpwer';
}

export interface ScoredTurns extends Scored, SpeakersCounted {
  measure: 'der';
  errors: DiarizationErrors;
}

export interface ScoredSources extends Scored {
  measure: 'sdr';
  /** Stem → how close it came. */
  sources: ReadonlyMap<string, SourceScores>;
}

export interface FailedClip extends Tried {
  measure: Measure;
  /** What the server or the network answered. */
  failure: string;
}

export type Measure = 'wer' | 'der' | 'cpwer' | 'sdr';
export type Result = ScoredClip | ScoredTurns | ScoredSpeakers | ScoredSources;
export type ClipResult = Result | FailedClip;

export interface Scoring {
  normalizer: Normalizer;
  diarization: Required<DiarizationScoring>;
}

export interface Endpoints {
  transcription: Endpoint;
  diarization: DiarizationEndpoint;
  separation: Endpoint;
}

/** Takes all clips' measures, `concurrency` clips at a time. One failure leaves the others alone. */
export async function evaluate(
  clips: readonly Clip[],
  endpoints: Endpoints,
  { concurrency, scoring }: { concurrency: number; scoring: Scoring },
  onClip: (clip: Clip) => void,
): Promise<ClipResult[]> {
  const results: ClipResult[][] = new Array(clips.length);
  const queue = clips.entries();
  const worker = async () => {
    for (const [index, clip] of queue) {
      results[index] = await evaluateClip(clip, endpoints, scoring);
      onClip(clip);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return results.flat();
}

async function evaluateClip(clip: Clip, endpoints: Endpoints, scoring: Scoring): Promise<ClipResult[]> {
  const known = await probeAudio(clip.path, { signal: AbortSignal.timeout(60_000) }).then(
    (info) => info.durationSeconds,
    () => undefined, // the server's own refusal says more
  );
  const { transcription, diarization, separation } = endpoints;
  const measures: [Measure, (() => Promise<Result>) | undefined][] = [
    ['wer', ifGiven(clip.text, (text) => scoreText(clip, text, transcription, scoring))],
    ['der', ifGiven(clip.turns, (turns) => scoreTurns(clip, turns, diarization, scoring))],
    ['cpwer', ifGiven(clip.textBySpeaker, (texts) => scoreSpeakers(clip, texts, transcription, scoring))],
    ['sdr', ifGiven(clip.sources, (sources) => scoreSources(clip, sources, separation))],
  ];
  const results: ClipResult[] = [];
  for (const [measure, score] of measures) {
    if (score === undefined) continue;
    try {
      const result = await score();
      results.push({ ...result, seconds: known ?? result.seconds });
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      results.push({ clip, measure, seconds: known, failure });
    }
  }
  return results;
}

function ifGiven<T, R>(reference: T | undefined, score: (reference: T) => R): (() => R) | undefined {
  return reference === undefined ? undefined : () => score(reference);
}

async function scoreText(clip: Clip, reference: string, endpoint: Endpoint, scoring: Scoring): Promise<ScoredClip> {
  const { text, latencySeconds, billedSeconds } = await transcribeClip(clip, endpoint);
  const { normalizer, unit, tokenize } = tokenizerOf(clip, scoring);
  const errors = countErrors(tokenize(reference), tokenize(text));
  return { measure: 'wer', clip, seconds: billedSeconds, unit, normalizer, errors, latencySeconds };
}

async function scoreTurns(
  clip: Clip,
  reference: NonNullable<Clip['turns']>,
  endpoint: Endpoint,
  { diarization }: Scoring,
): Promise<ScoredTurns> {
  const { turns, latencySeconds } = await diarizeClip(clip, endpoint);
  const errors = countDiarizationErrors(reference, turns, diarization);
  const countOf = (of: typeof turns) => new Set(of.map(({ speaker }) => speaker)).size;
  const speakers = { reference: countOf(reference), hypothesis: countOf(turns) };
  return { measure: 'der', clip, seconds: undefined, errors, speakers, latencySeconds };
}

async function scoreSpeakers(
  clip: Clip,
  reference: ReadonlyMap<string, string>,
  endpoint: Endpoint,
  scoring: Scoring,
): Promise<ScoredSpeakers> {
  const { textBySpeaker, latencySeconds, seconds } = await transcribeSpeakers(clip, endpoint);
  const { normalizer, unit, tokenize } = tokenizerOf(clip, scoring);
  const tokens = (texts: ReadonlyMap<string, string>) =>
    new Map([...texts].map(([speaker, text]) => [speaker, tokenize(text)]));
  const errors = countSpeakerErrors(tokens(reference), tokens(textBySpeaker));
  const speakers = { reference: reference.size, hypothesis: textBySpeaker.size };
  return { measure: 'cpwer', clip, seconds, unit, normalizer, errors, speakers, latencySeconds };
}

async function scoreSources(
  clip: Clip,
  references: NonNullable<Clip['sources']>,
  endpoint: Endpoint,
): Promise<ScoredSources> {
  const { scores, seconds, latencySeconds } = await separateClip(clip, references, endpoint);
  return { measure: 'sdr', clip, seconds, sources: scores, latencySeconds };
}

function tokenizerOf({ language }: Clip, { normalizer }: Scoring): Tokenizer {
  return tokenizerFor(normalizer, language === undefined ? undefined : parseLanguage(language));
}
