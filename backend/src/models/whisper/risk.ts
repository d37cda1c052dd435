/**
 * Signs that a segment's text was made up. They are told with the segment, which stays in the transcript: whoever
 * reads it decides. Thresholds are the reference's where it has one.
 */
import type { SpeechSegment } from '../../audio/vad.ts';
import type { TranscriptSegment, TranscriptWord } from '../../contract/transcription.ts';
import { compressionRatio } from './compression-ratio.ts';
import { DEFAULT_THRESHOLDS } from './fallback.ts';

export interface RiskInput {
  segment: TranscriptSegment;
  /** Log-probabilities of the segment's own tokens; the segment's `avg_logprob` is its window's. */
  logprobs: readonly number[];
  /** Speech the detector heard in the window; undefined where none listened. */
  speech: readonly SpeechSegment[] | undefined;
  /** The segment's words, where they were timed. */
  words: readonly TranscriptWord[];
  /** Texts of the segments before it, the last one last. */
  before: readonly string[];
}

/** A segment of which the detector hears less than this part as speech has text where no one speaks. */
const SPOKEN_PART = 0.2;
/** Stock phrases of subtitles are believed when at least this part of their segment is speech. */
const SPOKEN_PART_OF_PHRASE = 0.6;
/** The same words this often in a row: single ones may be emphasis ("no, no, no"). */
const REPEATS = { word: 5, phrase: 3 };
const LONGEST_PHRASE = 12;
/** The same segment this often in a row, itself included. */
const SEGMENT_REPEATS = 3;
/** Characters per second nobody speaks; auctioneers reach 35. */
const FASTEST_SPEECH = 45;

/** Flags in a fixed order; none is the usual case. */
export function assessRisk(input: RiskInput): string[] {
  const { segment, logprobs } = input;
  const mean = logprobs.reduce((sum, logprob) => sum + logprob, 0) / Math.max(1, logprobs.length);
  const flags: [string, boolean][] = [
    ['vad_mismatch', spokenPart(input) < SPOKEN_PART],
    ['repetition', repeatsItself(segment.text) || repeatsOthers(input)],
    ['high_compression', Math.max(segment.compression_ratio, compressionRatio(segment.text)) > LIMITS.compressionRatio],
    ['low_logprob', mean < LIMITS.avgLogprob],
    ['no_speech', segment.no_speech_prob > LIMITS.noSpeech],
    ['possible_hallucination', isStockPhrase(input) || isAnomalous(input)],
  ];
  return flags.filter(([, raised]) => raised).map(([flag]) => flag);
}

const LIMITS = DEFAULT_THRESHOLDS;

/** Part of the segment in which the detector heard speech: 0 to 1. */
function spokenPart({ segment, speech }: RiskInput): number {
  const length = segment.end - segment.start;
  if (speech === undefined || length <= 0) return 1;
  const spoken = speech.reduce((sum, { start, end }) => {
    return sum + Math.max(0, Math.min(end, segment.end) - Math.max(start, segment.start));
  }, 0);
  return spoken / length;
}

/** Any run of words, or of characters where words are not spaced, that comes again and again at once. */
export function repeatsItself(text: string): boolean {
  const spaced = normalized(text)
    .split(' ')
    .filter((word) => word !== '');
  const units = spaced.length >= REPEATS.word ? spaced : Array.from(normalized(text).replaceAll(' ', ''));
  // Characters repeat in any text ("...", "mmm"): single ones do not count.
  const shortest = units === spaced ? 1 : 2;
  for (let size = shortest; size <= LONGEST_PHRASE; size += 1) {
    const needed = size === 1 || units !== spaced ? REPEATS.word : REPEATS.phrase;
    let run = 0;
    for (let i = size; i < units.length; i += 1) {
      run = units[i] === units[i - size] ? run + 1 : 0;
      if (run >= size * (needed - 1)) return true;
    }
  }
  return false;
}

function repeatsOthers({ segment, before }: RiskInput): boolean {
  const recent = before.slice(1 - SEGMENT_REPEATS);
  const own = normalized(segment.text);
  return recent.length === SEGMENT_REPEATS - 1 && recent.every((text) => normalized(text) === own);
}

/**
 * What Whisper writes for silence and music because its training data were subtitles (Koenecke et al., "Careless
 * Whisper", 2024; lists collected by users of openai/whisper, discussions 928 and 1606). Normalised.
 */
const STOCK_PHRASES: readonly RegExp[] = [
  /^thank(s| you)( (so|very) much)?( all)?( for (watching|listening|your attention))?( (this|my|the|our) (video|channel))?$/,
  /^(please )?(like and )?subscribe( to (my|our|the) channel)?$/,
  /^(i ?ll )?see you (in the )?next (time|video|week)$/,
  /^bye( bye)*$/,
  /subtitles? by|captions? by|transcription by|transcribed by|amara ?org|castingwords/,
  /^(sous titres?|sous titrage)\b|sous titres realises|merci d ?avoir regarde/,
  /^untertitel\b|untertitelung|vielen dank (fuer|fur|für)s? zu(schauen|horen|hören)/,
  /subtitulos|subtítulos|gracias por ver/,
  /legendas? pela comunidade|obrigado por assistir/,
  /sottotitoli\b.*(cura|revisione)|grazie per (aver guardato|la visione)/,
  /ondertitel(d|ing)|napisy stworzone|субтитры|продолжение следует|спасибо за просмотр/,
  /ご視聴|チャンネル登録|字幕|请不吝点赞|請不吝點贊|谢谢观看|謝謝觀看|시청해 ?주셔서|구독/,
];

/** A stock phrase that stands alone, with less speech to hear than it would take to say. */
function isStockPhrase(input: RiskInput): boolean {
  const text = normalized(input.segment.text);
  if (!STOCK_PHRASES.some((phrase) => phrase.test(text))) return false;
  return spokenPart(input) < SPOKEN_PART_OF_PHRASE || input.segment.no_speech_prob > LIMITS.noSpeech / 2;
}

/** Faster than anyone speaks, or words of lengths nobody gives them (openai/whisper: word_anomaly_score). */
function isAnomalous({ segment, words }: RiskInput): boolean {
  const characters = Array.from(segment.text.trim()).length;
  const seconds = segment.end - segment.start;
  if (characters >= 10 && characters > FASTEST_SPEECH * seconds) return true;
  if (words.length === 0) return false;
  const first = words.slice(0, 8);
  const score = first.reduce((sum, { start, end }) => sum + lengthAnomaly(end - start), 0);
  return score >= 3 || score + 0.01 >= first.length;
}

function lengthAnomaly(seconds: number): number {
  if (seconds < 0.133) return (0.133 - seconds) * 15;
  return seconds > 2 ? seconds - 2 : 0;
}

/** Lower case, letters and digits only, single spaces. */
function normalized(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim();
}
