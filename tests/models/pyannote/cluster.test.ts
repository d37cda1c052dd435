/** From local speakers to speakers, on made-up recordings. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignConstrained, UNASSIGNED } from '../../../backend/src/models/pyannote/clustering/assign.ts';
import { type ClusterMethod, cluster } from '../../../backend/src/models/pyannote/clustering/cluster.ts';
import { trainingRows } from '../../../backend/src/models/pyannote/clustering/training-embeddings.ts';
import { DIMENSION, FRAMES, LOCAL_SPEAKERS, makeRecording, plainPlda, sameButForNames } from './recordings.ts';

const VBX: ClusterMethod = { name: 'vbx', plda: plainPlda() };
const CENTROID: ClusterMethod = { name: 'centroid' };
const METHODS = { vbx: VBX, centroid: CENTROID };

/** Windows in which `speakers` take turns, two at a time. */
function conversation(speakers: number, windows = 60): number[][] {
  return Array.from({ length: windows }, (_, at) => {
    const first = Math.floor(at / 3) % speakers;
    return speakers > 1 && at % 3 === 0 ? [first, (first + 1) % speakers] : [first];
  });
}

describe.each(Object.entries(METHODS))('%s', (_, method) => {
  it.each([1, 2, 3, 5])('finds %i speakers', async (speakers) => {
    const { segmentations, embeddings, truth } = makeRecording(conversation(speakers));
    const found = await cluster(segmentations, embeddings, { method });
    expect(found.clusters).toBe(speakers);
    expect(sameButForNames(found.assigned, truth)).toBe(true);
    truth.forEach((speaker, row) => {
      if (speaker < 0) expect(found.assigned[row]).toBe(UNASSIGNED);
    });
    expect(found.scores).toHaveLength(truth.length * speakers);
    expect(found.centroids.data).toHaveLength(speakers * DIMENSION);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('told that there are %i speakers', async (speakers) => {
    const { segmentations, embeddings, truth } = makeRecording(conversation(4, 160), { noise: 0.5 });
    const found = await cluster(segmentations, embeddings, { method, speakers });
    // The other method counts clusters of at least 12 embeddings, and there may be no such cut.
    expect(found.clusters).toBe(method === VBX ? speakers : Math.min(speakers, 4));
    if (speakers === 4) expect(sameButForNames(found.assigned, truth)).toBe(true);
    truth.forEach((speaker, row) => {
      expect((found.assigned[row] as number) >= 0).toBe(speaker >= 0);
    });
  });

  it('keeps to the bounds', async () => {
    const { segmentations, embeddings } = makeRecording(conversation(4, 160), { noise: 0.5 });
    const count = async (bounds: { minSpeakers?: number; maxSpeakers?: number }) =>
      (await cluster(segmentations, embeddings, { method, ...bounds })).clusters;
    expect(await count({ minSpeakers: 2, maxSpeakers: 6 })).toBe(4);
    expect(await count({ minSpeakers: 6 })).toBe(method === VBX ? 6 : 4);
    expect(await count({ maxSpeakers: 3 })).toBe(3);
    expect(await count({ maxSpeakers: 1 })).toBe(1);
    await expect(count({ minSpeakers: 3, maxSpeakers: 2 })).rejects.toThrow(RangeError);
  });

  it('nobody speaks: no clusters', async () => {
    const { segmentations, embeddings } = makeRecording([[], [], []]);
    const found = await cluster(segmentations, embeddings, { method });
    expect(found.clusters).toBe(0);
    expect([...new Set(found.assigned)]).toEqual([UNASSIGNED]);
    const none = makeRecording([]);
    expect((await cluster(none.segmentations, none.embeddings, { method, speakers: 2 })).clusters).toBe(0);
  });

  it('one window is one speaker', async () => {
    const { segmentations, embeddings } = makeRecording([[3]]);
    const found = await cluster(segmentations, embeddings, { method, speakers: 2 });
    expect(found.clusters).toBe(1);
    expect([...found.assigned]).toEqual([0, UNASSIGNED, UNASSIGNED]);
    expect(found.centroids.data[3]).toBeGreaterThan(0.5);
  });

  it('speech too short to have an embedding is one speaker', async () => {
    const { segmentations, embeddings } = makeRecording([[0], [1]]);
    embeddings.data.fill(Number.NaN);
    const found = await cluster(segmentations, embeddings, { method });
    expect(found.clusters).toBe(1);
    expect(found.assigned[0]).toBe(0);
    expect(found.centroids.data.every((value) => value === 0)).toBe(true);
  });

  it('an active local speaker without an embedding is assigned all the same', async () => {
    const { segmentations, embeddings } = makeRecording(conversation(2));
    embeddings.data.fill(Number.NaN, 0, DIMENSION);
    const found = await cluster(segmentations, embeddings, { method });
    expect(found.clusters).toBe(2);
    expect(found.assigned[0]).toBeGreaterThanOrEqual(0);
    expect(found.steps.trainingRows).not.toContain(0);
  });

  it('stops when it is aborted on the way', async () => {
    const { segmentations, embeddings } = makeRecording(conversation(3, 400));
    const controller = new AbortController();
    const running = cluster(segmentations, embeddings, { method, signal: controller.signal });
    setImmediate(() => controller.abort(new Error('enough')));
    await expect(running).rejects.toThrow('enough');
  });
});

it('soft segmentations count as active above one half', async () => {
  const { segmentations, embeddings } = makeRecording(conversation(3));
  const soft = { ...segmentations, data: Float32Array.from(segmentations.data, (value) => (value === 1 ? 0.8 : 0.3)) };
  const [binary, scored] = await Promise.all(
    [segmentations, soft].map((input) => cluster(input, embeddings, { method: VBX })),
  );
  expect(scored?.assigned).toEqual(binary?.assigned);
});

describe('trainingRows', () => {
  it('takes who talks alone in a fifth of the frames', () => {
    const { segmentations, embeddings } = makeRecording([[0], [1], [2]]);
    const fifth = Math.ceil(0.2 * FRAMES);
    const talk = (chunk: number, local: number, frames: number) => {
      for (let frame = 0; frame < FRAMES; frame++) {
        segmentations.data[(chunk * FRAMES + frame) * LOCAL_SPEAKERS + local] = frame < frames ? 1 : 0;
      }
    };
    talk(0, 0, fifth);
    talk(1, 0, fifth - 1);
    // Enough speech, but all but a few frames of it together with another.
    talk(2, 1, FRAMES - fifth + 1);
    expect([...trainingRows(segmentations, embeddings)]).toEqual([0]);
  });
});

describe('assignConstrained', () => {
  it('never gives two local speakers of a window to one cluster, and the inactive to none', () => {
    const input = fc
      .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 }))
      .chain(([chunks, clusters, speakers]) =>
        fc.record({
          speakers: fc.constant(speakers),
          clusters: fc.constant(clusters),
          active: fc.uint8Array({ minLength: chunks * speakers, maxLength: chunks * speakers, max: 1 }),
          scores: fc.float64Array({
            minLength: chunks * speakers * clusters,
            maxLength: chunks * speakers * clusters,
            min: 0,
            max: 2,
          }),
        }),
      );
    fc.assert(
      fc.property(input, ({ active, scores, speakers, clusters }) => {
        const assigned = assignConstrained(scores.slice(), { active, speakers, clusters });
        for (let first = 0; first < active.length; first += speakers) {
          const own = [...assigned.subarray(first, first + speakers)];
          const used = own.filter((label) => label >= 0);
          const talking = [...active.subarray(first, first + speakers)].filter((value) => value === 1).length;
          expect(new Set(used).size).toBe(used.length);
          // Nobody is left out as long as there is a cluster, whatever the inactive score.
          expect(used).toHaveLength(Math.min(talking, clusters));
          own.forEach((label, at) => {
            if (active[first + at] === 0) expect(label).toBe(UNASSIGNED);
            expect(label).toBeLessThan(clusters);
          });
        }
      }),
    );
  });
});
