/** Which name a voice gets: one-to-one, the best in sum, and none where no voice is like enough. */
import { describe, expect, it } from 'vitest';
import type { Diarization, KnownSpeaker } from '../../backend/src/contract/diarization.ts';
import { lookUpSpeakers, nameSpeakers } from '../../backend/src/services/known-speakers.ts';
import { cosine } from '../../backend/src/services/voiceprints.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** One turn each, in the order given; speakers are called `S0`, `S1`, … */
function diarizationOf(voiceprints: readonly number[][]): Diarization {
  const turns = voiceprints.map((_, index) => {
    return { start: index, end: index + 1.5, speaker: `S${index}`, confidence: 0.9 };
  });
  return {
    duration: voiceprints.length + 1,
    turns,
    exclusive: turns.map((turn) => ({ ...turn, end: turn.start + 1 })),
    speakers: voiceprints.map((voiceprint, index) => ({ speaker: `S${index}`, seconds: 1.5, voiceprint })),
  };
}

const knownAs = (name: string, voiceprint: number[]): KnownSpeaker => ({ name, voiceprint });
const namesOf = (voiceprints: readonly number[][], known: readonly KnownSpeaker[], minSimilarity?: number) =>
  nameSpeakers(diarizationOf(voiceprints), known, minSimilarity === undefined ? {} : { minSimilarity }).speakers.map(
    ({ speaker }) => speaker,
  );

const X = [1, 0, 0];
const Y = [0, 1, 0];
const Z = [0, 0, 1];
/** At this cosine to X, in the plane of X and Y. */
const nearX = (similarity: number) => [similarity, Math.sqrt(1 - similarity ** 2), 0];

describe('names', () => {
  it('stand in turns, exclusive turns and speakers, with the cosine; unknown voices are lettered as they appear', () => {
    const known = [knownAs('Ann', [0, 2, 0]), knownAs('Bob', [0.6, 0, 0.8])];
    const result = nameSpeakers(diarizationOf([X, [0, 5, 0], [-1, 0, 0], [3, 0, 4]]), known);
    const order = ['A', 'Ann', 'B', 'Bob'];
    expect(result.turns.map(({ speaker }) => speaker)).toEqual(order);
    expect(result.exclusive.map(({ speaker }) => speaker)).toEqual(order);
    expect(result.exclusive[1]).toEqual({ start: 1, end: 2, speaker: 'Ann', confidence: 0.9 });
    expect(result.duration).toBe(5);
    expect(result.speakers).toEqual([
      { speaker: 'A', seconds: 1.5, known: false, confidence: null },
      { speaker: 'Ann', seconds: 1.5, known: true, confidence: 1 },
      { speaker: 'B', seconds: 1.5, known: false, confidence: null },
      { speaker: 'Bob', seconds: 1.5, known: true, confidence: expect.closeTo(1, 12) },
    ]);
    expect(JSON.stringify(result)).not.toContain('voiceprint');
  });

  it('need a similarity of 0.5, or what is asked for', () => {
    const known = [knownAs('Ann', X)];
    expect(namesOf([nearX(0.51)], known)).toEqual(['Ann']);
    expect(namesOf([nearX(0.49)], known)).toEqual(['A']);
    expect(namesOf([nearX(0.49)], known, 0.4)).toEqual(['Ann']);
    expect(namesOf([nearX(0.8)], known, 0.9)).toEqual(['A']);
  });

  it('go to the better of two voices; the other one stays unknown', () => {
    expect(namesOf([nearX(0.7), nearX(0.9)], [knownAs('Ann', X)])).toEqual(['A', 'Ann']);
  });

  it('of pairs that do not pass take nothing from one that does', () => {
    // Of all pairs, both crossed ones come to more than the straight ones: 0.49 + 0.49 > 0.9 − 0.98.
    const heard = [X, [0.4, 0.49, Math.sqrt(1 - 0.4 ** 2 - 0.49 ** 2)]];
    const known = [knownAs('Ann', nearX(0.9)), knownAs('Bob', [0.49, -0.8, Math.sqrt(1 - 0.49 ** 2 - 0.8 ** 2)])];
    expect(namesOf(heard, known, 0.6)).toEqual(['Ann', 'A']);
  });

  it('that several known voices have are given once, by the most similar of them', () => {
    const known = [knownAs('Ann', Z), knownAs('Ann', X), knownAs('Bob', nearX(0.8))];
    const { speakers } = nameSpeakers(diarizationOf([X, Z]), known);
    expect(speakers.map(({ speaker, confidence }) => [speaker, confidence])).toEqual([
      ['Bob', expect.closeTo(0.8, 12)],
      ['Ann', 1],
    ]);
    expect(namesOf([X, Z], known.slice(0, 2))).toEqual(['Ann', 'A']);
  });

  it('of one letter are left out among the unknown voices where they are heard', () => {
    expect(namesOf([Y, X, Z], [knownAs('A', X)])).toEqual(['B', 'A', 'C']);
    expect(namesOf([Y, Z], [knownAs('A', X)])).toEqual(['A', 'B']);
  });

  it('are letters up to Z and then two of them', () => {
    const names = namesOf(
      Array.from({ length: 54 }, () => X),
      [],
    );
    expect([names[0], names[25], names[26], names[52], names[53]]).toEqual(['A', 'Z', 'AA', 'BA', 'BB']);
  });

  it('are given to no voiceprint that is zero, not a number, or of another length', () => {
    const bad = [[0, 0, 0], [Number.NaN, 0, 0], [Number.POSITIVE_INFINITY, 0, 0], [1, 0], []];
    for (const voiceprint of bad) {
      expect(namesOf([voiceprint, X], [knownAs('Ann', X)], -1)).toEqual(['A', 'Ann']);
      expect(namesOf([X, Y], [knownAs('Bad', voiceprint), knownAs('Ann', X)], -1)).toEqual(['Ann', 'A']);
    }
  });

  it('are nobody’s where nobody is known, or nobody is heard', () => {
    expect(namesOf([X, Y], [])).toEqual(['A', 'B']);
    expect(namesOf([], [knownAs('Ann', X)])).toEqual([]);
  });

  it('are one-to-one, pass the threshold, and are the best of all ways to give them', () => {
    const random = seededRandom(11);
    const vector = () => Array.from({ length: 3 }, () => random() - 0.5);
    let accepted = 0;
    for (let round = 0; round < 300; round += 1) {
      const heard = Array.from({ length: Math.floor(random() * 5) }, vector);
      const known = Array.from({ length: Math.floor(random() * 5) }, (_, index) => knownAs(`K${index}`, vector()));
      const threshold = random() * 1.5 - 0.75;
      const { speakers } = nameSpeakers(diarizationOf(heard), known, { minSimilarity: threshold });
      const names = speakers.map(({ speaker }) => speaker);
      expect(new Set(names).size).toBe(names.length);
      let gain = 0;
      for (const [index, { speaker, known: isKnown, confidence }] of speakers.entries()) {
        expect(isKnown).toBe(confidence !== null);
        if (confidence === null) continue;
        accepted += 1;
        expect(confidence).toBeGreaterThanOrEqual(threshold);
        const voice = known.find(({ name }) => name === speaker)?.voiceprint ?? [];
        expect(confidence).toBe(cosine(heard[index] ?? [], voice));
        gain += confidence - threshold;
      }
      const gains = heard.map((a) => known.map((b) => cosine(a, b.voiceprint) - threshold));
      expect(gain).toBeCloseTo(mostGain(gains), 10);
    }
    expect(accepted).toBeGreaterThan(200);
  });
});

/** By trying everything: each row takes a free column or none. */
function mostGain(gains: readonly number[][], row = 0, used: readonly number[] = []): number {
  const own = gains[row];
  if (own === undefined) return 0;
  const taken = own.map((gain, column) =>
    used.includes(column) ? Number.NEGATIVE_INFINITY : gain + mostGain(gains, row + 1, [...used, column]),
  );
  return Math.max(mostGain(gains, row + 1, used), ...taken);
}

describe('looking up known speakers', () => {
  const rows = [
    { name: 'Ann', model: 'm', voiceprint: X },
    { name: 'Bob', model: 'm', voiceprint: Y },
    { name: 'Cid', model: 'other', voiceprint: Z },
  ];
  const asked: unknown[] = [];
  const enrolled = {
    named: async (owner: string, names: readonly string[]) => {
      asked.push([owner, names]);
      // A database has no order of its own.
      return rows.filter(({ name }) => names.includes(name)).toReversed();
    },
  };
  const lookUp = (names: string[]) => lookUpSpeakers(enrolled, { owner: 'key_1', model: 'm', names });

  it('gives each once, in the order of the names', async () => {
    expect(await lookUp([' Bob', 'Ann', 'Bob'])).toEqual([
      { name: 'Bob', voiceprint: Y },
      { name: 'Ann', voiceprint: X },
    ]);
    expect(asked).toEqual([['key_1', ['Bob', 'Ann']]]);
    expect(await lookUp([])).toEqual([]);
  });

  it.each([
    [['Ann', 'Nobody', 'Cid'], /no speaker named 'Nobody'/],
    [['Ann', 'Cid'], /'Cid' was enrolled with the model 'other'/],
    [[''], /no speaker named ''/],
  ])('%j: an error that names the speaker', async (names, message) => {
    await expect(lookUp(names)).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'known_speaker_names',
      message: expect.stringMatching(message),
    });
  });
});
