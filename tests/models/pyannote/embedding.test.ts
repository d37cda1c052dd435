import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFilterbank, WESPEAKER_FILTERBANK } from '../../../backend/src/audio/features.ts';
import type { OpenedSession } from '../../../backend/src/audio/session.ts';
import { embedSpeakers } from '../../../backend/src/models/pyannote/embedding.ts';
import {
  type EmbeddingBatch,
  type EmbeddingModel,
  openEmbeddingModel,
} from '../../../backend/src/models/pyannote/embedding-model.ts';
import { createFeatureWindows } from '../../../backend/src/models/pyannote/feature-windows.ts';
import { slidingWindows } from '../../../backend/src/models/pyannote/sliding-windows.ts';
import { maskSpeakers, minCleanFrames } from '../../../backend/src/models/pyannote/speaker-masks.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { oneNodeGraph } from '../../support/one-node-graph.ts';
import { samplesOf } from '../../support/parity-clip.ts';
import {
  referenceFeatures,
  referenceMasks,
  type SpeakerGraph,
  speakerGraph,
  speakerReference,
  writeSpeakerGraph,
} from '../../support/speaker-graphs.ts';
import { tempDir } from '../../support/temp-dir.ts';

interface Opened {
  model: EmbeddingModel;
  logged: unknown[];
  runs: () => number;
}

const asItIs = (session: OpenedSession): OpenedSession => session;

/** `rewritten` stands in for the session of the graph with the other pooling. */
async function open(graph: SpeakerGraph | Uint8Array, rewritten = asItIs): Promise<Opened> {
  const dir = await tempDir();
  const path = join(dir, 'given.onnx');
  await writeFile(path, typeof graph === 'string' ? await speakerGraph(graph) : graph);
  const logged: unknown[] = [];
  let runs = 0;
  const model = await openEmbeddingModel(
    {
      async openSession(opened) {
        const session = await openSession(opened, { threads: 1, device: 'cpu' });
        const run: OpenedSession['run'] = (feeds) => {
          runs += 1;
          return session.run(feeds);
        };
        return opened === path ? { ...session, run } : rewritten({ ...session, run });
      },
      derivedFolder: async () => join(dir, 'derived'),
      log: (message, fields) => logged.push(message, fields),
    },
    path,
  );
  runs = 0;
  return { model, logged, runs: () => runs };
}

/** Each output off by a tenth. */
function wrong(session: OpenedSession): OpenedSession {
  return {
    ...session,
    async run(feeds) {
      const outputs = await session.run(feeds);
      const off = (data: Float32Array): Float32Array => data.map((value, i) => value * (i % 2 === 0 ? 1.1 : 0.9));
      const entries = Object.entries(outputs).map(([name, tensor]) => [
        name,
        { ...tensor, dims: tensor.dims, type: tensor.type, data: off(tensor.data as Float32Array) },
      ]);
      return Object.fromEntries(entries) as typeof outputs;
    },
  };
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

const batchOf = (features: Float32Array, masks: Float32Array, windows = 1): EmbeddingBatch => ({
  windows,
  features,
  featureFrames: features.length / 80 / windows,
  masks,
  speakers: masks.length / 589 / windows,
  maskFrames: 589,
});

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN))));
}

describe.each<SpeakerGraph>(['tiny-plain', 'tiny-masked'])('%s, its pooling replaced', (name) => {
  it("gives pyannote's embeddings of all speakers at once", async () => {
    const { model, logged, runs } = await open(name);
    expect([model.pooling, model.dimension, logged]).toEqual(['shared', 8, []]);
    const embeddings = await model.embed(batchOf(referenceFeatures(), referenceMasks()));
    expect(runs()).toBe(1);
    const { masked } = await speakerReference();
    expect(largestDifference(embeddings, masked.flat())).toBeLessThan(1e-4);
    await model.release();
  });

  it('keeps windows apart', async () => {
    const { model } = await open(name);
    const [first, second] = [referenceFeatures(), referenceFeatures().reverse()];
    const masks = referenceMasks();
    const both = await model.embed(batchOf(joined(first, second), joined(masks, masks.slice().reverse()), 2));
    const alone = [
      await model.embed(batchOf(first, masks)),
      await model.embed(batchOf(second, masks.slice().reverse())),
    ];
    expect(
      largestDifference(
        both,
        alone.flatMap((values) => [...values]),
      ),
    ).toBeLessThan(1e-5);
    await model.release();
  });

  it('is finite for masks of any size', async () => {
    const { model } = await open(name);
    const masks = new Float32Array(5 * 589);
    for (const [row, frames] of [0, 1, 2, 5, 9].entries()) masks.fill(1, row * 589 + 100, row * 589 + 100 + frames);
    const embeddings = await model.embed(batchOf(referenceFeatures(), masks));
    expect([...embeddings].every(Number.isFinite)).toBe(true);
    await model.release();
  });
});

it.each<SpeakerGraph>(['tiny-stacked', 'tiny-deep'])('%s has a pooling that is found too', async (name) => {
  const { model, logged } = await open(name);
  // Opening compares it with the graph as exported.
  expect([model.pooling, model.dimension, logged]).toEqual(['shared', 8, []]);
  await model.release();
});

it("gives of WeSpeaker's shape what the graph gives that was exported with masks", { timeout: 60_000 }, async () => {
  const features = referenceFeatures();
  const masks = referenceMasks();
  const exported = await openSession(await writeSpeakerGraph('resnet34-masked', await tempDir()), {
    threads: 2,
    device: 'cpu',
  });
  const outputs = await exported.run({
    fbank: exported.tensor('float32', features, [1, 998, 80]),
    weights: exported.tensor('float32', masks.slice(0, 589), [1, 589]),
  });
  await exported.release();
  const expected = outputs.embedding?.data as Float32Array;
  // Both layouts have the same weights.
  const { model } = await open('resnet34-plain');
  expect([model.pooling, model.dimension]).toEqual(['shared', 256]);
  const embeddings = await model.embed(batchOf(features, masks.slice(0, 2 * 589)));
  await model.release();
  const scale = Math.hypot(...expected) / 16;
  expect(largestDifference(embeddings.subarray(0, 256), expected) / scale).toBeLessThan(1e-4);
});

describe('a graph that cannot be rewritten', () => {
  it('runs as exported, once a speaker, where it takes masks', async () => {
    const { model, logged, runs } = await open('tiny-masked', wrong);
    expect(model.pooling).toBe('masked');
    expect(logged[1]).toMatchObject({ reason: expect.stringMatching(/something else \(by 0\.1/), pooling: 'masked' });
    const embeddings = await model.embed(batchOf(referenceFeatures(), referenceMasks()));
    expect(runs()).toBe(4);
    const { masked } = await speakerReference();
    expect(largestDifference(embeddings, masked.flat())).toBeLessThan(1e-4);
    await model.release();
  });

  it('runs on the frames of each speaker where it takes no masks', async () => {
    const { model, logged } = await open('tiny-plain', () => {
      throw new Error('no memory');
    });
    expect(model.pooling).toBe('gathered');
    expect(logged[1]).toMatchObject({ reason: 'no memory', pooling: 'gathered' });
    const all = referenceMasks().subarray(2 * 589, 3 * 589);
    const { plain } = await speakerReference();
    expect(largestDifference(await model.embed(batchOf(referenceFeatures(), all)), plain.flat())).toBeLessThan(1e-4);
    // What is left out is not heard: the second half may be anything.
    const half = new Float32Array(589).fill(1, 0, 294);
    const [once, other] = [referenceFeatures(), referenceFeatures().fill(0, 499 * 80)];
    expect(await model.embed(batchOf(once, half))).toEqual(await model.embed(batchOf(other, half)));
    await model.release();
  });

  it.each<[SpeakerGraph, number, number]>([
    ['tiny-masked', 9, 10],
    ['tiny-plain', 14, 15],
  ])('%s says nothing of %i frames', async (name, tooFew, enough) => {
    const { model } = await open(name, wrong);
    const masks = new Float32Array(3 * 589).fill(1, 0, tooFew).fill(1, 589, 589 + enough);
    const embeddings = await model.embed(batchOf(referenceFeatures(), masks));
    const finite = [0, 1, 2].map((row) => [...embeddings.subarray(row * 8, row * 8 + 8)].map(Number.isFinite));
    expect(finite).toEqual([false, true, false].map((value) => new Array(8).fill(value)));
    await model.release();
  });

  it('is refused where it is no speaker embedding at all', async () => {
    const audio = oneNodeGraph('Identity', { audio: { type: 'float32', shape: ['B', 'N'] } }, ['B', 'N']);
    await expect(open(audio)).rejects.toThrow('takes audio float32 [B,N], not float32 [B, T, 80]');
    const { logged } = await open(
      oneNodeGraph('Identity', { x: { type: 'float32', shape: ['B', 'T', 80] } }, ['B', 'T', 80]),
    );
    expect(logged[1]).toMatchObject({ reason: 'The graph joins no two statistics of its frames' });
  });
});

describe('the features of windows', () => {
  const pcm = Float32Array.from({ length: 500_000 }, (_, i) => 0.3 * Math.sin(i * (0.01 + i * 1e-6)));
  it.each([16_000, 80_000, 12_345])('with a step of %i are those of each window alone', async (step) => {
    const windows = slidingWindows(pcm.length, step);
    const features = createFeatureWindows(samplesOf(pcm), windows);
    expect(features.frames).toBe(998);
    const filterbank = createFilterbank(WESPEAKER_FILTERBANK);
    for (const index of [0, 1, 2, windows.count - 2, windows.count - 1]) {
      const made = new Float32Array(998 * 80);
      await features.read(index, made);
      const alone = await samplesOf(pcm).read(index * step, windows.size);
      expect(made).toEqual(filterbank.features(alone, { meanNormalize: true }).data);
    }
  });
});

describe('the masks of speakers', () => {
  // Frames of [a, b, c]; a and b speak at once in two.
  const active = Uint8Array.from(
    [
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 0],
      [1, 0, 0],
      [1, 0, 0],
      [0, 0, 0],
    ].flat(),
  );
  const masksOf = (excludeOverlap: boolean, enough: number): number[][] => {
    const masks = new Float32Array(18).fill(9);
    maskSpeakers(active, masks, { excludeOverlap, minCleanFrames: enough });
    return [0, 1, 2].map((speaker) => [...masks.subarray(speaker * 6, speaker * 6 + 6)]);
  };

  it('leave out overlap where more than enough is left', () => {
    const [full, clean] = [
      [1, 1, 1, 1, 1, 0],
      [1, 0, 0, 1, 1, 0],
    ];
    const [b, nobody] = [
      [0, 1, 1, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
    ];
    expect(masksOf(true, 2)).toEqual([clean, b, nobody]);
    expect(masksOf(true, 3)).toEqual([full, b, nobody]);
    expect(masksOf(false, 2)).toEqual([full, b, nobody]);
  });

  it("have pyannote's least length", () => {
    expect(minCleanFrames(589, 160_000)).toBe(2);
  });
});

describe('embedSpeakers', () => {
  /** Says of a speaker how many frames the mask has and what the window's first feature is. */
  function countingModel(sizes: number[]): EmbeddingModel {
    return {
      dimension: 2,
      pooling: 'shared',
      async embed({ windows, speakers, masks, maskFrames, features, featureFrames }) {
        sizes.push(windows);
        return Float32Array.from({ length: windows * speakers * 2 }, (_, i) => {
          const pair = i >> 1;
          if (i % 2 === 1) return features[Math.floor(pair / speakers) * featureFrames * 80] ?? Number.NaN;
          const count = masks
            .subarray(pair * maskFrames, (pair + 1) * maskFrames)
            .reduce((sum, value) => sum + value, 0);
          return count === 7 ? Number.NaN : count;
        });
      },
      release: async () => {},
    };
  }

  it.each([1, 2, 8])('gives each speaker of each window an embedding, in batches of %i', async (batch) => {
    const pcm = Float32Array.from({ length: 208_000 }, (_, i) => Math.sin(i * i));
    const windows = slidingWindows(pcm.length);
    expect(windows.count).toBe(4);
    const frames = 20;
    const active = new Uint8Array(4 * frames * 3);
    const speak = (window: number, speaker: number, from: number, to: number): void => {
      for (let frame = from; frame < to; frame += 1) active[(window * frames + frame) * 3 + speaker] = 1;
    };
    speak(0, 1, 0, 10);
    speak(0, 2, 6, 20);
    // Nobody in window 1; too little for the model in window 2.
    speak(2, 0, 0, 7);
    speak(3, 0, 0, 20);
    const sizes: number[] = [];
    const progress: [number, number][] = [];
    const result = await embedSpeakers(
      countingModel(sizes),
      samplesOf(pcm),
      { windows, frames, active },
      {
        batch,
        onProgress: (done, total) => progress.push([done, total]),
      },
    );
    const counts = Array.from({ length: 12 }, (_, slot) => result.data[slot * 2]);
    const no = Number.NaN;
    expect(counts).toEqual([no, 6, 10, no, no, no, no, no, no, 20, no, no]);
    expect([...result.present]).toEqual([0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(3);
    expect(progress.at(-1)).toEqual([3, 3]);
    const features = new Float32Array(998 * 80);
    await createFeatureWindows(samplesOf(pcm), windows).read(3, features);
    expect(result.data[19]).toBe(features[0]);
  });

  it('stops when asked', async () => {
    const windows = slidingWindows(160_000);
    const segmentation = { windows, frames: 1, active: Uint8Array.of(1, 0, 0) };
    const running = embedSpeakers(countingModel([]), samplesOf(new Float32Array(160_000)), segmentation, {
      signal: AbortSignal.abort(new Error('gone')),
    });
    await expect(running).rejects.toThrow('gone');
  });
});
