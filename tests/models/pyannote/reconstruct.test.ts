/** Windows put together again: against a plain computation, and by hand. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignmentCertainty } from '../../../backend/src/models/pyannote/reconstruct/certainty.ts';
import type { FrameGrid } from '../../../backend/src/models/pyannote/reconstruct/frames.ts';
import { frameCount, SEGMENTATION_3_0 } from '../../../backend/src/models/pyannote/reconstruct/frames.ts';
import { reconstruct } from '../../../backend/src/models/pyannote/reconstruct/reconstruct.ts';
import { toSeconds } from '../../../backend/src/models/pyannote/reconstruct/turns.ts';
import { roundHalfEven } from '../../../backend/src/models/pyannote/round-half-even.ts';
import { seededRandom } from '../../support/seeded-random.ts';

/** Windows of 10 frames, every 2; a frame's middle is at its index + 0.5 seconds. */
const GRID: FrameGrid = { windowDuration: 10, windowStep: 2, frameDuration: 1, frameStep: 1 };
const FRAMES = 10;
const SPEAKERS = 3;

interface Windows {
  data: Uint8Array;
  assigned: Int32Array;
  chunks: number;
  clusters: number;
}

function randomWindows(chunks: number, clusters: number, seed: number): Windows {
  const random = seededRandom(seed);
  return {
    data: Uint8Array.from({ length: chunks * FRAMES * SPEAKERS }, () => (random() < 0.4 ? 1 : 0)),
    assigned: Int32Array.from({ length: chunks * SPEAKERS }, () =>
      random() < 0.2 ? -2 : Math.floor(random() * clusters),
    ),
    chunks,
    clusters,
  };
}

function run({ data, assigned, chunks, clusters }: Windows, options = {}) {
  return reconstruct(
    {
      segmentations: { data, chunks, frames: FRAMES, speakers: SPEAKERS },
      clustering: { clusters, assigned, scores: new Float64Array(assigned.length * clusters).fill(1) },
    },
    { grid: GRID, ...options },
  );
}

/** One window: rows of 0 and 1 per local speaker. */
function oneWindow(rows: readonly string[], assigned: readonly number[]): Windows {
  const data = Uint8Array.from({ length: FRAMES * SPEAKERS }, (_, at) =>
    Number(rows[at % SPEAKERS]?.[Math.floor(at / SPEAKERS)] ?? 0),
  );
  return { data, assigned: Int32Array.from(assigned), chunks: 1, clusters: Math.max(0, ...assigned) + 1 };
}

/** pyannote's steps one after another, on whole arrays. */
function plain({ data, assigned, chunks }: Windows) {
  const total = 2 * (chunks - 1) + FRAMES + 1;
  const known = Math.max(-1, ...assigned) + 1;
  const active = Array.from({ length: total }, () => 0);
  const covered = Array.from({ length: total }, () => 0);
  const activity = Array.from({ length: total }, () => new Array<number>(known).fill(0));
  for (let chunk = 0; chunk < chunks; chunk++) {
    for (let frame = 0; frame < FRAMES; frame++) {
      const at = 2 * chunk + frame;
      covered[at] = (covered[at] ?? 0) + 1;
      const most = new Map<number, number>();
      for (let speaker = 0; speaker < SPEAKERS; speaker++) {
        const value = data[(chunk * FRAMES + frame) * SPEAKERS + speaker] ?? 0;
        active[at] = (active[at] ?? 0) + value;
        const cluster = assigned[chunk * SPEAKERS + speaker] ?? -2;
        if (cluster >= 0) most.set(cluster, Math.max(most.get(cluster) ?? 0, value));
      }
      const row = activity[at] ?? [];
      for (const [cluster, value] of most) row[cluster] = (row[cluster] ?? 0) + value;
    }
  }
  const count = active.map((sum, at) => (covered[at] === 0 ? 0 : roundHalfEven(sum / (covered[at] ?? 1))));
  const columns = Math.max(known, ...count);
  const discrete = activity.flatMap((row, at) => {
    const padded = Array.from({ length: columns }, (_, cluster) => ({ cluster, value: row[cluster] ?? 0 }));
    const chosen = padded.toSorted((a, b) => b.value - a.value || a.cluster - b.cluster).slice(0, count[at]);
    return padded.map(({ cluster }) => (chosen.some((other) => other.cluster === cluster) ? 1 : 0));
  });
  return { count, columns, discrete };
}

describe('reconstruct', () => {
  it('is the plain computation', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer(),
        (chunks, clusters, seed) => {
          const windows = randomWindows(chunks, clusters, seed);
          const { count, discrete } = run(windows);
          const expected = plain(windows);
          expect([...count]).toEqual(expected.count);
          expect(discrete.columns).toBe(expected.columns);
          expect([...discrete.data]).toEqual(expected.discrete);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('also over more frames than it puts together at a time', () => {
    const windows = randomWindows(2500, 4, 11);
    const { discrete, turns } = run(windows);
    expect(discrete.data).toHaveLength(5009 * 4);
    expect(Buffer.from(discrete.data).equals(Buffer.from(plain(windows).discrete))).toBe(true);
    expect(turns.at(-1)?.end).toBeGreaterThan(4990);
  });

  it('turns cover exactly the frames, the exclusive ones never overlap and lie within the others', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer(),
        (chunks, clusters, seed) => {
          const { turns, exclusiveTurns, discrete, clusterOf } = run(randomWindows(chunks, clusters, seed));
          const lengths = new Array<number>(discrete.columns).fill(0);
          const last = discrete.data.length / discrete.columns - 1;
          // A turn ends in the middle of the first silent frame, so every frame but the last one counts as a second.
          discrete.data.forEach((value, at) => {
            if (Math.floor(at / discrete.columns) < last)
              lengths[at % discrete.columns] = (lengths[at % discrete.columns] ?? 0) + value;
          });
          turns.forEach(({ speaker, start, end, confidence }) => {
            const cluster = clusterOf[Number(speaker.slice(-2))] ?? -1;
            lengths[cluster] = (lengths[cluster] ?? 0) - (end - start);
            expect(confidence).toBeGreaterThanOrEqual(0);
            expect(confidence).toBeLessThanOrEqual(1);
          });
          for (const rest of lengths) expect(rest).toBeCloseTo(0, 9);
          expect(turns).toEqual(turns.toSorted((a, b) => a.start - b.start || a.end - b.end));
          exclusiveTurns.forEach((turn, at) => {
            expect(turn.start).toBeGreaterThanOrEqual(exclusiveTurns[at - 1]?.end ?? 0);
            const around = turns.find(
              ({ speaker, start, end }) => speaker === turn.speaker && start <= turn.start && turn.end <= end,
            );
            expect(around).toBeDefined();
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('speakers are named in the order in which they first talk', () => {
    const { turns, clusterOf } = run(oneWindow(['0000011100', '0110000000', '0000000000'], [0, 4, -2]));
    expect(turns.map(({ speaker, start, end }) => [speaker, start, end])).toEqual([
      ['SPEAKER_00', 1.5, 3.5],
      ['SPEAKER_01', 5.5, 8.5],
    ]);
    expect(clusterOf).toEqual([4, 0]);
  });

  it('overlap: two turns at once, of which the exclusive view keeps one', () => {
    const { turns, exclusiveTurns } = run(oneWindow(['1111111000', '0000011110', ''], [0, 1, -2]));
    expect(turns.map(({ speaker, start, end }) => [speaker, start, end])).toEqual([
      ['SPEAKER_00', 0.5, 7.5],
      ['SPEAKER_01', 5.5, 9.5],
    ]);
    expect(exclusiveTurns.map(({ speaker, start, end }) => [speaker, start, end])).toEqual([
      ['SPEAKER_00', 0.5, 7.5],
      ['SPEAKER_01', 7.5, 9.5],
    ]);
    const capped = run(oneWindow(['1111111000', '0000011110', ''], [0, 1, -2]), { maxSpeakers: 1 });
    expect(capped.turns).toEqual(exclusiveTurns);
  });

  it('two local speakers in one cluster count once; who is counted but in no cluster becomes a speaker', () => {
    const { turns, clusterOf } = run(oneWindow(['1111000000', '0011110000', ''], [0, 0, -2]));
    expect(turns.map(({ speaker, start, end, confidence }) => [speaker, start, end, confidence])).toEqual([
      ['SPEAKER_00', 0.5, 6.5, 1],
      ['SPEAKER_01', 2.5, 4.5, 0],
    ]);
    expect(clusterOf).toEqual([0, 1]);
  });

  it('pauses are filled and turns end with the audio where asked', () => {
    const windows = oneWindow(['1101100011', '', ''], [0, -2, -2]);
    const ends = (options: object) => run(windows, options).turns.map(({ start, end }) => [start, end]);
    expect(ends({})).toEqual([
      [0.5, 2.5],
      [3.5, 5.5],
      [8.5, 10.5],
    ]);
    expect(ends({ minDurationOff: 1.5, audioSeconds: 9.25 })).toEqual([
      [0.5, 5.5],
      [8.5, 9.25],
    ]);
    expect(ends({ audioSeconds: 8 })).toHaveLength(2);
  });

  it('confidence: windows that disagree and doubtful assignments lower it', () => {
    const windows = randomWindows(2, 2, 1);
    windows.data.fill(0);
    windows.assigned.set([0, -2, -2, 0, -2, -2]);
    for (let frame = 0; frame < FRAMES; frame++) windows.data[frame * SPEAKERS] = 1;
    const scores = new Float64Array(12).fill(1);
    const input = { segmentations: { data: windows.data, chunks: 2, frames: FRAMES, speakers: SPEAKERS } };
    const confidence = () =>
      reconstruct({ ...input, clustering: { clusters: 2, assigned: windows.assigned, scores } }, { grid: GRID })
        .turns[0]?.confidence ?? Number.NaN;
    // Both clusters fit equally well; only the first window hears the speaker, alone for two frames.
    expect(confidence()).toBeCloseTo(0.5, 6);
    scores[0] = 1.3;
    expect(confidence()).toBeCloseTo(1 / (1 + Math.exp(-3)), 6);
  });

  it('soft scores: the rounded count of those above one half, the most active first', () => {
    const data = Float32Array.from({ length: FRAMES * SPEAKERS }, (_, at) => [0.9, 0.2, 0.6][at % SPEAKERS] ?? 0);
    const clustering = { clusters: 3, assigned: Int32Array.of(2, 1, 0), scores: new Float64Array(9).fill(1) };
    const segmentations = { data, chunks: 1, frames: FRAMES, speakers: SPEAKERS };
    const { count, exclusiveTurns, clusterOf, turns } = reconstruct({ segmentations, clustering }, { grid: GRID });
    expect([...count.subarray(0, FRAMES)]).toEqual(new Array(FRAMES).fill(2));
    expect(turns).toHaveLength(2);
    expect(clusterOf[Number(exclusiveTurns[0]?.speaker.slice(-2))]).toBe(2);
  });

  it('nothing in, nothing out', () => {
    const empty = { data: new Uint8Array(0), assigned: new Int32Array(0), chunks: 0, clusters: 0 };
    expect(run(empty)).toMatchObject({ turns: [], exclusiveTurns: [], clusterOf: [] });
    expect(run(oneWindow([], [-2, -2, -2])).turns).toEqual([]);
  });
});

it('the frames of segmentation-3.0: 30 seconds in 21 windows are 1779 frames', () => {
  expect(frameCount(SEGMENTATION_3_0, 21)).toBe(1779);
  expect(frameCount(SEGMENTATION_3_0, 1)).toBe(594);
});

it('a turn that begins in the last frame has no length and is none', () => {
  const turns = toSeconds([{ cluster: 0, from: 4, to: 4, votes: 1, frames: 1 }], {
    grid: GRID,
    minDurationOff: 0,
    audioSeconds: 100,
  });
  expect(turns).toEqual([]);
});

it('certainty: 1 alone, even among equals, 0 for the unassigned, no more than even without an embedding', () => {
  expect([...assignmentCertainty(new Float64Array([1.2]), Int32Array.of(0), 1)]).toEqual([1]);
  const scores = new Float64Array([1, 1, 1.5, 1.2, Number.NaN, Number.NaN, 1.9, 0.1]);
  const certainty = assignmentCertainty(scores, Int32Array.of(0, 0, 1, -2), 2);
  expect(certainty[0]).toBeCloseTo(0.5, 6);
  expect(certainty[1]).toBeCloseTo(0.9526, 4);
  expect(certainty[2]).toBe(0.5);
  expect(certainty[3]).toBe(0);
});

it('halves are rounded to even numbers', () => {
  expect([0.5, 1.5, 2.5, 3.5, -0.5, 1.49, 1.51].map(roundHalfEven).map((value) => value + 0)).toEqual([
    0, 2, 2, 4, 0, 1, 2,
  ]);
});
