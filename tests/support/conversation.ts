/** A conversation put together from recordings of single speakers, and who speaks when in it. */
import type { Turn } from '../../backend/src/text/turn.ts';
import { seededRandom } from './seeded-random.ts';

const RATE = 16_000;
/** Samples whose energy counts together. */
const FRAME = 320;
/** A sound goes on over so short a gap, is speech if it is so long, and a phrase goes on over pauses up to that. */
const FLICKER = 0.1 * RATE;
const SHORTEST = 0.15 * RATE;
const BRIDGED = 0.5 * RATE;
/** Where, in decibels, speech begins between the quiet frames of the recording and the loud ones. */
const SHARE = 0.4;
const BLOCK = 10 * RATE;

export interface Voice {
  speaker: string;
  /** 16 kHz mono. */
  samples: Int16Array;
}

/** In samples; `end` is the first that does not belong to it. */
export interface Phrase {
  start: number;
  end: number;
}

export interface Utterance {
  /** Index of the voice. */
  voice: number;
  /** Where in the conversation it begins, in samples. */
  start: number;
  /** What of the voice's recording is heard: from the first phrase on, the pause behind the last one included. */
  heard: Phrase;
  phrases: readonly Phrase[];
}

/** Where somebody speaks in a recording of steady noise, by its energy. */
export function findPhrases(samples: Int16Array): Phrase[] {
  const energies = Float64Array.from({ length: Math.floor(samples.length / FRAME) }, (_, frame) =>
    samples.subarray(frame * FRAME, (frame + 1) * FRAME).reduce((sum, sample) => sum + sample * sample, 0),
  );
  const sorted = energies.toSorted();
  const quantile = (share: number) => Math.max(1, sorted[Math.floor(share * sorted.length)] ?? 1);
  const threshold = quantile(0.05) ** (1 - SHARE) * quantile(0.95) ** SHARE;
  const loud = [...energies.keys()].filter((frame) => (energies[frame] ?? 0) > threshold);
  const sounds = joined(
    loud.map((frame) => ({ start: frame * FRAME, end: (frame + 1) * FRAME })),
    FLICKER,
  );
  return joined(
    sounds.filter(({ start, end }) => end - start >= SHORTEST),
    BRIDGED,
  );
}

/** Those less than `gap` apart as one. */
function joined(spans: readonly Phrase[], gap: number): Phrase[] {
  const result: Phrase[] = [];
  for (const { start, end } of spans) {
    const last = result.at(-1);
    if (last !== undefined && start - last.end < gap) last.end = end;
    else result.push({ start, end });
  }
  return result;
}

/**
 * Utterances of 1 to 12 s (more where a phrase is longer), each with its own pause behind it; one in five begins while
 * the one before still speaks, one in ten after 1 to 3 s of silence. None ends after so many samples. The same for the
 * same seed. Nobody goes on after himself.
 */
export function planConversation(voices: readonly Voice[], samples: number, seed: number): Utterance[] {
  const random = seededRandom(seed);
  const phrases = voices.map((voice) => findPhrases(voice.samples));
  const next = voices.map(() => 0);
  const utterances: Utterance[] = [];
  let before = -1;
  for (let at = 0, length = 0; ; ) {
    const others = [...voices.keys()].filter((voice) => voice !== before);
    const voice = others[Math.floor(random() * others.length)];
    if (voice === undefined) throw new RangeError('One voice alone makes no conversation');
    const recorded = voices[voice]?.samples.length ?? 0;
    const said = takePhrases(phrases[voice] ?? [], recorded, next[voice] ?? 0, RATE * (1 + 11 * random() ** 2));
    next[voice] = said.next;
    const kind = random();
    const pause = kind < 0.2 ? -(0.3 + random()) : kind < 0.9 ? 0 : 1 + 2 * random();
    const start = Math.max(0, at + Math.max(Math.round(pause * RATE), -length >> 1));
    length = said.heard.end - said.heard.start;
    if (start + length > samples) return utterances;
    utterances.push({ voice, start, heard: said.heard, phrases: said.phrases });
    at = Math.max(at, start + length);
    before = voice;
  }
}

/** From the phrase `from` on so many as make `wanted` samples; from the first again where there are no more. */
function takePhrases(phrases: readonly Phrase[], recorded: number, from: number, wanted: number) {
  const first = phrases[from] ?? phrases[0];
  if (first === undefined) throw new RangeError('A voice that says nothing cannot take part');
  const begin = phrases.indexOf(first);
  const enough = phrases.findIndex(({ end }, index) => index >= begin && end - first.start >= wanted);
  const next = enough === -1 ? phrases.length : enough + 1;
  const heard: Phrase = { start: first.start, end: phrases[next]?.start ?? recorded };
  return { heard, phrases: phrases.slice(begin, next), next };
}

/** The reference: one turn a phrase, in seconds. */
export function turnsOf(voices: readonly Voice[], utterances: readonly Utterance[]): Turn[] {
  return utterances.flatMap(({ voice, start, heard, phrases }) => {
    const shift = start - heard.start;
    return phrases.map((phrase) => ({
      start: (phrase.start + shift) / RATE,
      end: (phrase.end + shift) / RATE,
      speaker: voices[voice]?.speaker ?? '',
    }));
  });
}

/** The conversation's samples in blocks of 10 s, the last one shorter. */
export function* mixConversation(
  voices: readonly Voice[],
  utterances: readonly Utterance[],
  samples: number,
): Generator<Int16Array> {
  const endOf = ({ start, heard }: Utterance) => start + heard.end - heard.start;
  let first = 0;
  for (let from = 0; from < samples; from += BLOCK) {
    const sum = new Int32Array(Math.min(BLOCK, samples - from));
    for (let over = utterances[first]; over !== undefined && endOf(over) <= from; first += 1) {
      over = utterances[first + 1];
    }
    for (const { voice, start, heard } of utterances.slice(first)) {
      if (start >= from + sum.length) break;
      const said = voices[voice]?.samples.subarray(heard.start, heard.end) ?? new Int16Array();
      for (let at = Math.max(start, from); at < Math.min(start + said.length, from + sum.length); at += 1) {
        sum[at - from] = (sum[at - from] as number) + (said[at - start] as number);
      }
    }
    yield Int16Array.from(sum, (value) => Math.max(-32_768, Math.min(32_767, value)));
  }
}
