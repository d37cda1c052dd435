import { describe, expect, it } from 'vitest';
import { addDiarizationErrors, countDiarizationErrors, diarizationErrorRate } from '../../backend/src/text/der.ts';
import { recorded, unpackTurns } from './recorded-diarizations.ts';

const turns = (...packed: [number, number, string][]) => unpackTurns(packed);
const REFERENCE = turns([0, 10, 'A'], [10, 20, 'B']);

describe('countDiarizationErrors', () => {
  it.each(recorded.scorings)('equals pyannote.metrics: collar $collar, skipOverlap $skipOverlap', (scoring) => {
    const at = recorded.scorings.indexOf(scoring);
    for (const [i, { reference, hypothesis, expected }] of recorded.diarizations.entries()) {
      const errors = countDiarizationErrors(unpackTurns(reference), unpackTurns(hypothesis), {
        collar: scoring.collar / 2,
        skipOverlap: scoring.skipOverlap,
      });
      const got = [errors.miss, errors.falseAlarm, errors.confusion, errors.reference, diarizationErrorRate(errors)];
      for (const [part, value] of got.entries()) {
        expect(value, `recording ${i}, part ${part}`).toBeCloseTo(expected[at]?.[part] ?? Number.NaN, 9);
      }
    }
  });

  it('tells who was missed, made up and taken for somebody else, whatever they are called', () => {
    const found = turns([2, 9, 'B'], [9, 12, 'A'], [12, 20, 'A'], [15, 16, 'C'], [20, 21, 'A']);
    const errors = countDiarizationErrors(REFERENCE, found);
    expect(errors).toEqual({ miss: 2, falseAlarm: 2, confusion: 1, reference: 20 });
    expect(diarizationErrorRate(errors)).toBe(0.25);
  });

  it('leaves the collar unscored on each side of every boundary of the reference alone', () => {
    const late = turns([0, 10.25, 'x'], [10.25, 20, 'y']);
    expect(countDiarizationErrors(REFERENCE, late)).toMatchObject({ confusion: 0.25, reference: 20 });
    expect(countDiarizationErrors(REFERENCE, late, { collar: 0.25 })).toMatchObject({ confusion: 0, reference: 19 });
    const early = turns([0, 9.5, 'x'], [9.5, 20, 'y']);
    expect(countDiarizationErrors(REFERENCE, early, { collar: 0.25 })).toMatchObject({ confusion: 0.25 });
  });

  it('counts two who speak at once twice, or leaves that out', () => {
    const both = turns([0, 10, 'A'], [5, 15, 'B']);
    const one = turns([0, 15, 'x']);
    expect(countDiarizationErrors(both, one)).toEqual({ miss: 5, falseAlarm: 0, confusion: 5, reference: 20 });
    expect(countDiarizationErrors(both, one, { skipOverlap: true })).toMatchObject({ miss: 0, reference: 10 });
  });

  it('finds no fault, and not less than none, in what is equal', () => {
    for (const { reference } of recorded.diarizations) {
      const turns = unpackTurns(reference);
      const errors = countDiarizationErrors(turns, turns);
      expect(errors.confusion).toBeGreaterThanOrEqual(0);
      expect(diarizationErrorRate(errors)).toBeCloseTo(0, 12);
    }
  });

  it('takes a day of turns', () => {
    const day = Array.from({ length: 30_000 }, (_, i) => ({ start: i * 3, end: i * 3 + 2.5, speaker: `s${i % 6}` }));
    const errors = countDiarizationErrors(day, day, { collar: 0.25 });
    expect(diarizationErrorRate(errors)).toBeCloseTo(0, 9);
    expect(errors.reference).toBeCloseTo(60_000, 3);
  });
});

describe('diarizationErrorRate', () => {
  it('weighs recordings by their speech', () => {
    const short = countDiarizationErrors(turns([0, 1, 'A']), []);
    const long = countDiarizationErrors(turns([0, 9, 'A']), turns([0, 9, 'x']));
    expect(diarizationErrorRate(addDiarizationErrors([short, long]))).toBe(0.1);
  });

  it('of silence is 0, or 1 when somebody was heard in it', () => {
    expect(diarizationErrorRate(countDiarizationErrors([], []))).toBe(0);
    expect(diarizationErrorRate(countDiarizationErrors([], turns([0, 1, 'x'])))).toBe(1);
  });
});
