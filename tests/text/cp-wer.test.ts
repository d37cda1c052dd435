import { describe, expect, it } from 'vitest';
import { countSpeakerErrors } from '../../backend/src/text/cp-wer.ts';
import { errorRate } from '../../backend/src/text/wer.ts';
import { recorded } from './recorded-diarizations.ts';

const spoken = (speakers: Record<string, string>) =>
  new Map(Object.entries(speakers).map(([speaker, text]) => [speaker, text.split(' ').filter(Boolean)]));

describe('countSpeakerErrors', () => {
  it.each([...recorded.transcripts.entries()])('equals meeteval: %d', (_, { reference, hypothesis, ...expected }) => {
    const counts = countSpeakerErrors(new Map(Object.entries(reference)), new Map(Object.entries(hypothesis)));
    const { substitutions, insertions, deletions } = counts;
    expect({
      errors: substitutions + insertions + deletions,
      length: counts.reference,
      insertionsLessDeletions: insertions - deletions,
    }).toEqual(expected);
  });

  it('names speakers as it is fairest, and counts those left over', () => {
    const counts = countSpeakerErrors(
      spoken({ Diane: 'hello i did not know', Sheila: 'neither did i' }),
      spoken({ B: 'hello i did not no', C: 'um', A: 'neither did i' }),
    );
    expect(counts).toEqual({
      substitutions: 1,
      insertions: 1,
      deletions: 0,
      reference: 8,
      pairs: [
        { reference: 'Diane', hypothesis: 'B' },
        { reference: 'Sheila', hypothesis: 'A' },
        { reference: undefined, hypothesis: 'C' },
      ],
    });
    expect(errorRate(counts)).toBe(0.25);
  });

  it('prefers to leave the costly speaker without a counterpart', () => {
    const counts = countSpeakerErrors(spoken({ r: 'a b' }), spoken({ h: 'z', i: 'a e f' }));
    expect(counts).toMatchObject({ substitutions: 1, insertions: 2, deletions: 0 });
    expect(counts.pairs).toEqual([
      { reference: 'r', hypothesis: 'i' },
      { reference: undefined, hypothesis: 'h' },
    ]);
  });

  it('of nobody is nothing', () => {
    expect(countSpeakerErrors(new Map(), new Map())).toMatchObject({ reference: 0, pairs: [] });
    expect(countSpeakerErrors(spoken({ r: 'a b' }), new Map())).toMatchObject({ deletions: 2, reference: 2 });
  });
});
