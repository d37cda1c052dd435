import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenedSession, TensorData } from '../../../backend/src/audio/session.ts';
import { decodePowerset } from '../../../backend/src/models/pyannote/powerset.ts';
import { segmentAudio } from '../../../backend/src/models/pyannote/segmentation.ts';
import { type SampleSource, slidingWindows } from '../../../backend/src/models/pyannote/sliding-windows.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { type ParityClip, parityAudio, paritySegmentation, samplesOf } from '../../support/parity-clip.ts';
import { describeWithShared, shared } from '../../support/shared.ts';

describe('sliding windows', () => {
  it.each([
    [0, 0],
    [1, 1],
    [159_999, 1],
    [160_000, 1],
    [160_001, 2],
    [176_000, 2],
    [176_001, 3],
    // Of the recorded clips, whose numbers of windows are pyannote's.
    [480_000, 21],
    [960_000, 51],
    [639_573, 31],
  ])('of %i samples are %i', (samples, count) => {
    expect(slidingWindows(samples).count).toBe(count);
  });

  it('refuse steps that leave samples out', () => {
    expect(() => slidingWindows(1, 0)).toThrow(RangeError);
    expect(() => slidingWindows(1, 160_001)).toThrow(RangeError);
  });
});

describe('decodePowerset', () => {
  it('says for each class who speaks', () => {
    const scores = Array.from({ length: 49 }, (_, i) => (i % 7 === Math.floor(i / 7) ? -0.1 : -5));
    const active = new Uint8Array(21);
    decodePowerset(scores, active);
    expect([...active]).toEqual([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1]);
  });
});

/** A graph that says in frame f of 2 whether the window's sample f is above zero (class 1), below (2) or neither (0). */
function signSession(batches: number[]): OpenedSession {
  return {
    inputs: [{ name: 'x', type: 'float32', shape: ['B', 1, 'N'] }],
    outputs: [{ name: 'y', type: 'float32', shape: ['B', 'F', 7] }],
    tensor: (type: string, data: TensorData, dims: readonly number[]) => ({ type, data, dims }),
    async run({ x }) {
      const [batch = 0, , size = 0] = x?.dims ?? [];
      batches.push(batch);
      const data = new Float32Array(batch * 14);
      for (let at = 0; at < batch * 2; at += 1) {
        const sample = Number(x?.data[Math.floor(at / 2) * size + (at % 2)]);
        data[at * 7 + (sample > 0 ? 1 : sample < 0 ? 2 : 0)] = 1;
      }
      return { y: { type: 'float32', dims: [batch, 2, 7], data } };
    },
    release: async () => {},
  };
}

describe('segmentAudio', () => {
  const pcm = Float32Array.from({ length: 500_000 }, (_, i) => Math.sin(i * i));

  it.each([
    [16_000, 8],
    [80_000, 1],
    [12_345, 5],
  ])('hears each window where it lies, with a step of %i and batches of %i', async (step, batch) => {
    const batches: number[] = [];
    const { windows, frames, active } = await segmentAudio(signSession(batches), samplesOf(pcm), { step, batch });
    expect(frames).toBe(2);
    const bit = (sample = 0): number[] => [Number(sample > 0), Number(sample < 0), 0];
    const expected = Array.from({ length: windows.count }, (_, n) => [bit(pcm[n * step]), bit(pcm[n * step + 1])]);
    expect([...active]).toEqual(expected.flat(2));
    expect(batches.slice(0, -1).every((size) => size === batch)).toBe(true);
  });

  it('reads no more than a batch at a time, tells how far it is and stops when asked', async () => {
    const reads: number[] = [];
    const long: SampleSource = {
      samples: 4 * 3600 * 16_000,
      read: async (_, count) => {
        reads.push(count);
        return new Float32Array(count);
      },
    };
    const abort = new AbortController();
    const progress: number[][] = [];
    const onProgress = (done: number, total: number): void => {
      progress.push([done, total]);
      if (done === 32) abort.abort();
    };
    const running = segmentAudio(signSession([]), long, { batch: 16, signal: abort.signal, onProgress });
    await expect(running).rejects.toThrow(/abort/i);
    expect(progress).toEqual([
      [16, 14_391],
      [32, 14_391],
    ]);
    expect(reads).toEqual([400_000, 400_000]);
  });

  it('finds nobody where there is no audio', async () => {
    const { windows, active } = await segmentAudio(signSession([]), samplesOf(new Float32Array()));
    expect([windows.count, active.length]).toEqual([0, 0]);
  });

  it('refuses a graph of other classes', async () => {
    const session = {
      ...signSession([]),
      run: async () => ({ y: { type: 'float32', dims: [1, 2, 4], data: new Float32Array(8) } }),
    };
    await expect(segmentAudio(session, samplesOf(pcm.subarray(0, 100)))).rejects.toThrow('[1,2,4]');
  });
});

describeWithShared('segmentAudio with the real model', () => {
  let session: OpenedSession;
  beforeAll(async () => {
    const graph = shared('hub/onnx-community/pyannote-segmentation-3.0/onnx/model.onnx');
    session = await openSession(graph, { threads: 2, device: 'cpu' });
  });
  afterAll(() => session.release());

  // The reference material's weights went through float16: where two classes are as likely the other one may win.
  it.each<[ParityClip, number]>([
    ['02_pyannote_sample', 0.996],
    ['03_dual_speaker', 0.998],
  ])('says what pyannote says of %s', async (clip, share) => {
    const golden = paritySegmentation(clip);
    const { windows, frames, active } = await segmentAudio(session, samplesOf(parityAudio(clip)));
    expect([windows.count, frames, 3]).toEqual(golden.dims);
    let equal = 0;
    for (let at = 0; at < active.length; at += 3) {
      if ([0, 1, 2].every((speaker) => active[at + speaker] === golden.data[at + speaker])) equal += 1;
    }
    expect(equal / (active.length / 3)).toBeGreaterThan(share);
  });
});
