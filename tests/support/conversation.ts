/** A conversation put together from recordings of single speakers, and who speaks when in it. */
import type { Turn } from '../../backend/src/text/turn.ts';
import { seededRandom } from './seeded-random.ts';

const RATE = 16_000;
/** Samples whose energy counts together, and pauses that do not end a phrase: as references of diarization have it. */
const FRAME = 160;
const BRIDGED = 0.25 * RATE;
/** Of a phrase; shorter sounds are none of speech. */
const SHORTEST = 0.15 * RATE;
/** Below the loud frames of the recording: −35 dB. */
const QUIET = 10 ** -3.5;
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
  /** Of the voice's recording, by time; all from the first one's start to the last one's end is heard. */
  phrases: readonly Phrase[];
}

/** Where somebody speaks in a recording without noise, by its energy. */
export function findPhrases(samples: Int16Array): Phrase[] {
  const energies = Float64Array.from({ length: Math.floor(samples.length / FRAME) }, (_, frame) =>
    samples.subarray(frame * FRAME, (frame + 1) * FRAME).reduce((sum, sample) => sum + sample * sample, 0),
  );
  const loud = energies.toSorted()[Math.floor(0.95 * energies.length)] ?? 0;
  const phrases: Phrase[] = [];
  for (const [frame, energy] of energies.entries()) {
    if (energy <= loud * QUIET) continue;
    const [start, end] = [frame * FRAME, (frame + 1) * FRAME];
    const last = phrases.at(-1);
    if (last !== undefined && start - last.end < BRIDGED) last.end = end;
    else phrases.push({ start, end });
  }
  return phrases.filter(({ start, end }) => end - start >= SHORTEST);
}

/**
 * Utterances of 1 to 12 s that follow each other after pauses of 0.1 to 3 s, one in five while the one before still
 * speaks; none ends after so many samples. The same for the same seed. No speaker goes on after himself.
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
    const said = takePhrases(phrases[voice] ?? [], next[voice] ?? 0, RATE * (1 + 11 * random() ** 2));
    next[voice] = said.next;
    const kind = random();
    const pause = kind < 0.2 ? -(0.3 + random()) : kind < 0.85 ? 0.1 + 0.7 * random() : 1 + 2 * random();
    const start = Math.max(0, at + Math.max(Math.round(pause * RATE), -length >> 1));
    length = said.end - said.start;
    if (start + length > samples) return utterances;
    utterances.push({ voice, start, phrases: said.phrases });
    at = Math.max(at, start + length);
    before = voice;
  }
}

/** From the phrase `from` on so many as make `wanted` samples; from the first again where there are no more. */
function takePhrases(phrases: readonly Phrase[], from: number, wanted: number) {
  const first = phrases[from] ?? phrases[0];
  if (first === undefined) throw new RangeError('A voice that says nothing cannot take part');
  const begin = phrases.indexOf(first);
  const enough = phrases.findIndex(({ end }, index) => index >= begin && end - first.start >= wanted);
  const next = enough === -1 ? phrases.length : enough + 1;
  const taken = phrases.slice(begin, next);
  return { phrases: taken, start: first.start, end: taken.at(-1)?.end ?? first.end, next };
}

/** The reference: one turn a phrase, in seconds. */
export function turnsOf(voices: readonly Voice[], utterances: readonly Utterance[]): Turn[] {
  return utterances.flatMap(({ voice, start, phrases }) => {
    const shift = start - (phrases[0]?.start ?? 0);
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
  const lengthOf = ({ phrases }: Utterance) => (phrases.at(-1)?.end ?? 0) - (phrases[0]?.start ?? 0);
  let first = 0;
  for (let from = 0; from < samples; from += BLOCK) {
    const sum = new Int32Array(Math.min(BLOCK, samples - from));
    for (let over = utterances[first]; over !== undefined && over.start + lengthOf(over) <= from; first += 1) {
      over = utterances[first + 1];
    }
    for (const utterance of utterances.slice(first)) {
      const { voice, start, phrases } = utterance;
      if (start >= from + sum.length) break;
      const begin = phrases[0]?.start ?? 0;
      const heard = voices[voice]?.samples.subarray(begin, begin + lengthOf(utterance)) ?? new Int16Array();
      for (let at = Math.max(start, from); at < Math.min(start + heard.length, from + sum.length); at += 1) {
        sum[at - from] = (sum[at - from] as number) + (heard[at - start] as number);
      }
    }
    yield Int16Array.from(sum, (value) => Math.max(-32_768, Math.min(32_767, value)));
  }
}
