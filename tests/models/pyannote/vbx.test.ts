/** VBx and where it starts; its numbers are compared with pyannote's in parity.test.ts. */
import { describe, expect, it } from 'vitest';
import { initialSpeakers } from '../../../backend/src/models/pyannote/clustering/initial-speakers.ts';
import { type Matrix, normalizeRows } from '../../../backend/src/models/pyannote/clustering/matrix.ts';
import { runVbx } from '../../../backend/src/models/pyannote/clustering/vbx.ts';
import { gaussian, sameButForNames } from './recordings.ts';

const OPTIONS = { fa: 0.07, fb: 0.8, maxIterations: 20, smoothing: 7, minGain: 1e-4 };
const DIMENSION = 128;
const PHI = new Float64Array(DIMENSION).fill(10);

/** Within a speaker the variance is 1 along every axis, as VBx assumes. */
function features(truth: Int32Array, distance = 24, seed = 3): Matrix {
  const normal = gaussian(seed);
  const data = Float64Array.from({ length: truth.length * DIMENSION }, (_, at) => {
    const own = (truth[Math.floor(at / DIMENSION)] as number) === at % DIMENSION;
    return normal() + (own ? distance : 0);
  });
  return { data, rows: truth.length, columns: DIMENSION };
}

const inTurn = (length: number, speakers: number) => Int32Array.from({ length }, (_, at) => at % speakers);

describe('runVbx', () => {
  it.each([1, 2, 4, 7])('from too many initial speakers to %i', async (speakers) => {
    const truth = inTurn(280, speakers);
    const initial = { labels: inTurn(280, speakers * 6), count: speakers * 6 };
    const { responsibilities, priors, bounds } = await runVbx(features(truth), PHI, initial, OPTIONS);
    const kept = [...priors.keys()].filter((speaker) => (priors[speaker] as number) > 1e-7);
    expect(kept).toHaveLength(speakers);
    const likeliest = truth.map((_, row) => {
      const own = kept.map((speaker) => responsibilities.data[row * responsibilities.columns + speaker] as number);
      return own.indexOf(Math.max(...own));
    });
    expect(sameButForNames(likeliest, truth)).toBe(true);
    expect(bounds.length).toBeLessThanOrEqual(OPTIONS.maxIterations);
    // What is maximised cannot fall, but for the 1e-8 added to priors.
    for (let at = 1; at < bounds.length; at++) expect((bounds[at] ?? 0) - (bounds[at - 1] ?? 0)).toBeGreaterThan(-1e-3);
  });

  it('ends when the bound grows by less than asked', async () => {
    const initial = { labels: inTurn(40, 4), count: 4 };
    const { bounds } = await runVbx(features(inTurn(40, 2)), PHI, initial, { ...OPTIONS, minGain: 1e9 });
    expect(bounds).toHaveLength(2);
  });

  it('dropping needless speakers on the way changes nothing that matters', async () => {
    const truth = inTurn(400, 4);
    const run = (count: number) => runVbx(features(truth), PHI, { labels: inTurn(400, count), count }, OPTIONS);
    const [few, many] = [await run(60), await run(200)];
    expect(few.priors).toHaveLength(60);
    expect(many.priors.length).toBeLessThan(20);
    const shares = (priors: Float64Array) => [...priors].filter((prior) => prior > 1e-7).sort();
    expect(shares(many.priors)).toHaveLength(4);
    shares(many.priors).forEach((prior, at) => {
      expect(prior).toBeCloseTo(shares(few.priors)[at] ?? 0, 3);
    });
    expect(many.responsibilities.data).toHaveLength(400 * many.priors.length);
  });

  it('responsibilities and priors are probabilities', async () => {
    const truth = inTurn(90, 3);
    const { responsibilities, priors } = await runVbx(
      features(truth, 2),
      PHI,
      { labels: inTurn(90, 9), count: 9 },
      OPTIONS,
    );
    expect(priors.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
    for (let row = 0; row < 90; row++) {
      const own = responsibilities.data.subarray(row * 9, (row + 1) * 9);
      expect(own.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
    }
  });

  it('stops when it is aborted', async () => {
    const aborted = AbortSignal.abort(new Error('enough'));
    const initial = { labels: inTurn(40, 4), count: 4 };
    await expect(runVbx(features(inTurn(40, 2)), PHI, initial, OPTIONS, aborted)).rejects.toThrow('enough');
  });
});

describe('initialSpeakers', () => {
  it('keeps to the number that VBx can take, and every speaker has a cluster of its own', async () => {
    // So noisy that nothing is within the threshold; speaker 2 comes only in the last tenth.
    const truth = Int32Array.from({ length: 200 }, (_, at) => (at < 180 ? at % 2 : 2));
    const directions = normalizeRows(features(truth, 12));
    expect((await initialSpeakers(directions, 0.01)).count).toBe(200);
    const { labels, count } = await initialSpeakers(directions, 0.01, undefined, 200 * 30);
    expect(count).toBe(30);
    expect(new Set(labels).size).toBe(30);
    const wrong = [...truth.keys()].filter((row) => {
      const group = [...truth.keys()].filter((other) => labels[other] === labels[row]);
      return group.filter((other) => truth[other] === truth[row]).length * 2 < group.length;
    });
    expect(wrong.length).toBeLessThan(10);
  });

  it('the largest clusters are those kept', async () => {
    const rows = [...Array(12).fill([1, 0]), ...Array(8).fill([0, 1]), [0.9, 0.44], [-1, 0], [-0.1, 0.99]];
    const directions = normalizeRows({ data: Float64Array.from(rows.flat()), rows: 23, columns: 2 });
    const { labels, count } = await initialSpeakers(directions, 0.05, undefined, 46);
    expect(count).toBe(2);
    const [first, last] = [labels[0], labels[12]];
    expect([...labels]).toEqual([...Array(12).fill(first), ...Array(8).fill(last), first, last, last]);
  });
});
