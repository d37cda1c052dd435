/** Scores of results against a reference: computed in a process of their own (`evaluate-main.ts`). */
import { type DecodeOptions, decodePcm } from '../audio/decode.ts';
import { RunningSdr } from '../audio/separation-metrics.ts';
import type { Evaluation, EvaluationRequest } from '../contract/evaluations.ts';
import { GatewayError } from '../errors.ts';
import { type AlignedWord, alignWords } from '../text/align-words.ts';
import { countDiarizationErrors, diarizationErrorRate } from '../text/der.ts';
import { normalizeEnglish } from '../text/english-normalizer.ts';
import { normalizeMultilingual } from '../text/multilingual-normalizer.ts';
import { normalizeBasic } from '../text/normalize.ts';
import { parseRttm } from '../text/rttm.ts';
import { countErrors, type ErrorCounts, errorRate } from '../text/wer.ts';

/** A request whose texts and files are at hand. */
export type Order =
  | {
      kind: 'text';
      reference: string;
      hypotheses: { label: string | null; content: string }[];
      normalizer: TextRequest['normalizer'];
      unit: TextRequest['unit'];
    }
  | {
      kind: 'speakers';
      reference: string;
      hypotheses: { label: string | null; content: string }[];
      collar: number;
      skipOverlap: boolean;
    }
  | {
      kind: 'separation';
      /** Paths of audio files. */
      pairs: { label: string | null; reference: string; estimate: string }[];
      decoding: Omit<DecodeOptions, 'signal'>;
    };

type TextRequest = Extract<EvaluationRequest, { kind: 'text' }>;
type OrderOf<K extends Order['kind']> = Extract<Order, { kind: K }>;
type EvaluationOf<K extends Evaluation['kind']> = Extract<Evaluation, { kind: K }>;

/** Pairs of tokens: some 20 000 words on each side, and 100 MB. */
const MAX_ALIGNED = 400_000_000;
/** Pairs of characters that are counted within some seconds. */
const MAX_COUNTED = 200_000_000;
/** The rate and channels that separations have. */
const MUSIC = { rate: 44_100, channels: 2, peak: 8 } as const;
const MAX_DECIBELS = 100;

const NORMALIZERS: Record<TextRequest['normalizer'], (text: string) => string> = {
  basic: normalizeBasic,
  english: normalizeEnglish,
  multilingual: (text) => normalizeMultilingual(text),
};

/** @throws invalid_value, and what decoding throws */
export async function evaluate(order: Order): Promise<Evaluation> {
  if (order.kind === 'text') return evaluateText(order);
  return order.kind === 'speakers' ? evaluateSpeakers(order) : evaluateSeparation(order);
}

function evaluateText({ reference, hypotheses, normalizer, unit }: OrderOf<'text'>): EvaluationOf<'text'> {
  const normalize = NORMALIZERS[normalizer];
  const split = (text: string) => {
    const normalized = normalize(text).trim();
    const characters = [...normalized.replaceAll(/\s/g, '')];
    const words = normalized === '' ? [] : normalized.split(/\s+/);
    return { tokens: unit === 'word' ? words : characters, characters };
  };
  const expected = split(reference);
  return {
    object: 'evaluation',
    kind: 'text',
    normalizer,
    unit,
    results: hypotheses.map(({ label, content }) => {
      const found = split(content);
      if (expected.tokens.length * found.tokens.length > MAX_ALIGNED) throw tooLong(label);
      const aligned = alignWords(expected.tokens, found.tokens);
      const isShort = expected.characters.length * found.characters.length <= MAX_COUNTED;
      return {
        label,
        wer: withRate(countOf(aligned, expected.tokens.length)),
        cer: isShort ? withRate(countErrors(expected.characters, found.characters)) : null,
        diff: joinEqual(aligned, unit === 'word' ? ' ' : ''),
      };
    }),
  };
}

function evaluateSpeakers(order: OrderOf<'speakers'>): EvaluationOf<'speakers'> {
  const { hypotheses, collar, skipOverlap } = order;
  const reference = turnsOf(order.reference, 'reference');
  return {
    object: 'evaluation',
    kind: 'speakers',
    collar,
    skip_overlap: skipOverlap,
    results: hypotheses.map(({ label, content }) => {
      const errors = countDiarizationErrors(reference, turnsOf(content, 'hypotheses'), { collar, skipOverlap });
      const { miss, falseAlarm, confusion } = errors;
      return {
        label,
        der: diarizationErrorRate(errors),
        ...{ miss, false_alarm: falseAlarm, confusion, reference: errors.reference },
      };
    }),
  };
}

async function evaluateSeparation({ pairs, decoding }: OrderOf<'separation'>): Promise<EvaluationOf<'separation'>> {
  const results = [];
  for (const { label, reference, estimate } of pairs) {
    const running = new RunningSdr();
    const stop = new AbortController();
    const options = { ...decoding, signal: stop.signal };
    let samples = 0;
    for await (const [wanted, made] of together(
      decodePcm(reference, MUSIC, options),
      decodePcm(estimate, MUSIC, options),
    )) {
      const length = Math.min(wanted.length, made.length);
      running.add(wanted.subarray(0, length), made.subarray(0, length));
      samples += length;
    }
    results.push({
      label,
      si_sdr: decibels(running.siSdr),
      sdr: decibels(running.sdr),
      seconds: samples / (MUSIC.rate * MUSIC.channels),
    });
  }
  return { object: 'evaluation', kind: 'separation', results };
}

/** Ends with the shorter one. */
async function* together<T>(one: AsyncGenerator<T>, other: AsyncGenerator<T>): AsyncGenerator<[T, T]> {
  try {
    for (;;) {
      const [first, second] = await Promise.all([one.next(), other.next()]);
      if (first.done === true || second.done === true) return;
      yield [first.value, second.value];
    }
  } finally {
    await Promise.all([one.return(undefined), other.return(undefined)]);
  }
}

function countOf(aligned: readonly AlignedWord[], reference: number): ErrorCounts {
  const count = (wanted: AlignedWord['op']) => aligned.reduce((sum, { op }) => sum + (op === wanted ? 1 : 0), 0);
  return {
    substitutions: count('substitution'),
    insertions: count('insertion'),
    deletions: count('deletion'),
    reference,
  };
}

function withRate(counts: ErrorCounts) {
  return { rate: errorRate(counts), ...counts };
}

function joinEqual(aligned: readonly AlignedWord[], space: string): AlignedWord[] {
  const joined: AlignedWord[] = [];
  let run: string[] = [];
  const close = () => {
    const text = run.join(space);
    if (run.length > 0) joined.push({ op: 'equal', reference: text, hypothesis: text });
    run = [];
  };
  for (const word of aligned) {
    if (word.op === 'equal' && word.reference !== null) run.push(word.reference);
    else {
      close();
      joined.push(word);
    }
  }
  close();
  return joined;
}

function turnsOf(rttm: string, param: string) {
  try {
    return parseRttm(rttm);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GatewayError('invalid_value', { message: `Invalid value for '${param}': ${reason}.`, param });
  }
}

function decibels(value: number): number | null {
  return Number.isNaN(value) ? null : Math.max(-MAX_DECIBELS, Math.min(MAX_DECIBELS, value));
}

function tooLong(label: string | null): GatewayError {
  return new GatewayError('invalid_value', {
    message: `The texts${label === null ? '' : ` of '${label}'`} are too long to be aligned: compare them in parts.`,
    param: 'hypotheses',
  });
}
