/** Gives voices that were heard the names of voices that are known. */
import type { Diarization, DiarizationResult, KnownSpeaker } from '../contract/diarization.ts';
import { GatewayError } from '../errors.ts';
import { assign } from '../text/assignment.ts';
import { cosine } from './voiceprints.ts';

/**
 * Least cosine similarity at which a voice gets a name. For WeSpeaker's ResNet34, whose voiceprints are not centred: the
 * two voices of pyannote's sample recording come to 0.46 on the whole, windows of one voice to 0.81 (median).
 */
const MIN_SIMILARITY = 0.5;

/**
 * Each known voice is heard once at most, and the similarities above the threshold are greatest in sum: a good match is
 * not given up for two that barely pass. All others are `A`, `B`, … in order of appearance; a letter that is the name of
 * a voice that was heard is left out.
 * @param known of the same model. Several of one name are one person; the most similar counts.
 */
export function nameSpeakers(
  { speakers, turns, exclusive, ...rest }: Diarization,
  known: readonly KnownSpeaker[],
  { minSimilarity = MIN_SIMILARITY }: { minSimilarity?: number } = {},
): DiarizationResult {
  const matches = matchVoices(speakers, known, minSimilarity);
  const taken = new Set(matches.map((match) => match?.name));
  const letters = freeLetters(taken);
  const heard = speakers.map(({ seconds }, index) => {
    const match = matches[index];
    return match === undefined
      ? { speaker: letters.next().value, seconds, known: false, confidence: null }
      : { speaker: match.name, seconds, known: true, confidence: match.similarity };
  });
  const names = new Map(speakers.map(({ speaker }, index) => [speaker, heard[index]?.speaker ?? speaker]));
  const rename = <T extends { speaker: string }>(turn: T): T => {
    return { ...turn, speaker: names.get(turn.speaker) ?? turn.speaker };
  };
  return { ...rest, turns: turns.map(rename), exclusive: exclusive.map(rename), speakers: heard };
}

/** An owner's enrolled voices. */
export interface EnrolledVoices {
  /** Those of these names that there are and that have not expired. */
  named(owner: string, names: readonly string[]): Promise<(KnownSpeaker & { model: string })[]>;
}

export interface LookUp {
  owner: string;
  /** Id of the model that is going to listen. */
  model: string;
  /** As callers write them. */
  names: readonly string[];
}

/** The voices of `known_speaker_names`, once each, in that order. @throws invalid_value, naming the first that cannot be used. */
export async function lookUpSpeakers(
  enrolled: EnrolledVoices,
  { owner, model, names }: LookUp,
): Promise<KnownSpeaker[]> {
  const asked = [...new Set(names.map((name) => name.trim().normalize('NFC')))];
  if (asked.length === 0) return [];
  const found = new Map((await enrolled.named(owner, asked)).map((voice) => [voice.name, voice]));
  return asked.map((name) => {
    const voice = found.get(name);
    if (voice === undefined) {
      throw unusable(`There is no speaker named '${name}'. Enrol the voice with POST /v1/speakers first.`);
    }
    if (voice.model !== model) {
      throw unusable(
        `The speaker '${name}' was enrolled with the model '${voice.model}', and '${model}' hears otherwise.`,
      );
    }
    return { name, voiceprint: voice.voiceprint };
  });
}

/** For each voice heard the known one that it is, or undefined. */
function matchVoices(
  heard: readonly { voiceprint: readonly number[] }[],
  known: readonly KnownSpeaker[],
  minSimilarity: number,
): ({ name: string; similarity: number } | undefined)[] {
  const people = [...Map.groupBy(known, ({ name }) => name)];
  const similarities = heard.map(({ voiceprint }) =>
    people.map(([, voices]) => greatest(voices.map((voice) => cosine(voiceprint, voice.voiceprint)))),
  );
  // To leave a voice without a name costs as much as a pair at the threshold.
  const cost = Float64Array.from(similarities.flat(), (similarity) => Math.min(0, minSimilarity - similarity));
  const assigned = assign(cost, heard.length, people.length);
  return heard.map((_, index) => {
    const column = assigned[index] ?? -1;
    const similarity = similarities[index]?.[column] ?? Number.NEGATIVE_INFINITY;
    const name = people[column]?.[0];
    return name === undefined || similarity < minSimilarity ? undefined : { name, similarity };
  });
}

/** Of the numbers among them; -Infinity where there is none. */
function greatest(values: readonly number[]): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...values.filter((value) => !Number.isNaN(value)));
}

/** `A` to `Z`, `AA`, `AB`, …; without those that are taken. */
function* freeLetters(taken: ReadonlySet<string | undefined>): Generator<string, never> {
  for (let number = 0; ; number += 1) {
    const letters = lettersOf(number);
    if (!taken.has(letters)) yield letters;
  }
}

function lettersOf(number: number): string {
  const last = String.fromCharCode(65 + (number % 26));
  return number < 26 ? last : lettersOf(Math.floor(number / 26) - 1) + last;
}

function unusable(message: string): GatewayError {
  return new GatewayError('invalid_value', { message, param: 'known_speaker_names' });
}
