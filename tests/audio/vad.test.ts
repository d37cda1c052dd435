import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { OpenedSession, TensorLike } from '../../backend/src/audio/session.ts';
import { createSpeechDetector, DEFAULT_VAD_PARAMS } from '../../backend/src/audio/vad.ts';
import { openVad, readWav, SPEECH } from '../models/transducer/support.ts';
import { describeWithShared } from '../support/shared.ts';

const WINDOW_SECONDS = 0.032;

interface FakeVad extends OpenedSession {
  /** Inputs as they were at each run. */
  seen: { input: number[]; state: number }[];
}

/** Answers with the given probabilities in turn; its state counts the runs. */
function fakeVad(probabilities: readonly number[]): FakeVad {
  const tensor = (type: string, data: TensorLike['data'], dims: readonly number[]): TensorLike => ({
    type,
    data,
    dims,
  });
  const seen: FakeVad['seen'] = [];
  return {
    seen,
    inputs: [],
    outputs: [],
    tensor,
    async run({ input, state }) {
      seen.push({ input: Array.from(input?.data ?? [], Number), state: Number(state?.data[0]) });
      return {
        output: tensor('float32', Float32Array.of(probabilities[seen.length - 1] ?? 0), [1, 1]),
        stateN: tensor('float32', new Float32Array(256).fill(seen.length), [2, 1, 128]),
      };
    },
    release: async () => {},
  };
}

/** Runs of windows: [probability, how many]. */
async function detect(...runs: [number, number][]) {
  const probabilities = runs.flatMap(([probability, count]) => new Array<number>(count).fill(probability));
  const detector = createSpeechDetector(fakeVad(probabilities));
  await detector.accept(new Float32Array(512 * probabilities.length));
  await detector.finish();
  return detector.segments.map(({ start, end }) => [start, end].map((time) => Math.round(time * 1000)));
}

it('each window sees the last 64 samples of the one before, and the state of the run before', async () => {
  const session = fakeVad([]);
  const detector = createSpeechDetector(session);
  const pcm = Float32Array.from({ length: 1200 }, (_, i) => i + 1);
  for (let at = 0; at < pcm.length; at += 100) await detector.accept(pcm.subarray(at, at + 100));
  await detector.finish();
  expect(session.seen.map(({ state }) => state)).toEqual([0, 1, 2]);
  expect(session.seen.map(({ input }) => input.length)).toEqual([576, 576, 576]);
  expect(session.seen[0]?.input.slice(0, 65)).toEqual([...new Array(64).fill(0), 1]);
  expect(session.seen[1]?.input.slice(0, 65)).toEqual([...pcm.slice(448, 513)]);
  // The last window is filled up with silence.
  expect(session.seen[2]?.input.slice(64)).toEqual([...pcm.slice(1024), ...new Array(512 - 176).fill(0)]);
});

it('speech starts at the threshold, ends below the lower one, and is padded', async () => {
  expect(await detect([0.1, 10], [0.9, 20], [0.4, 5], [0.1, 10])).toEqual([[320 - 30, 320 + 25 * 32 + 30]]);
});

it('a short silence does not end speech, and too little speech is none', async () => {
  expect(await detect([0.9, 10], [0.1, 3], [0.9, 10], [0.1, 10])).toEqual([[0, 23 * 32 + 30]]);
  expect(await detect([0.1, 10], [0.9, 7], [0.1, 10])).toEqual([]);
});

it('speech that lasts to the end ends with the audio', async () => {
  expect(await detect([0.1, 10], [0.9, 20])).toEqual([[290, 960]]);
});

it('says what is settled: an onset is open until it is long enough to be speech', async () => {
  const session = fakeVad([...new Array<number>(10).fill(0), ...new Array<number>(20).fill(1)]);
  const detector = createSpeechDetector(session);
  await detector.accept(new Float32Array(512 * 10));
  expect(detector.settledUntil).toBeCloseTo(10 * WINDOW_SECONDS - DEFAULT_VAD_PARAMS.padSeconds);
  await detector.accept(new Float32Array(512 * 5));
  expect(detector.openSince).toBeUndefined();
  expect(detector.settledUntil).toBeCloseTo(10 * WINDOW_SECONDS - DEFAULT_VAD_PARAMS.padSeconds);
  await detector.accept(new Float32Array(512 * 5));
  expect(detector.openSince).toBeCloseTo(10 * WINDOW_SECONDS - DEFAULT_VAD_PARAMS.padSeconds);
});

describeWithShared('voice activity on real recordings', () => {
  it('finds the four phrases of the Kennedy clip, and none in the clip without speech', async () => {
    const session = await openVad();
    const jfk = createSpeechDetector(session);
    await jfk.accept(readWav(join(SPEECH, 'jfk.wav')));
    await jfk.finish();
    // And so my fellow Americans / ask not / what your country can do for you / ask what you can do for your country
    const expected = [
      [0.32, 2.27],
      [3.27, 4.45],
      [5.38, 7.68],
      [8.16, 10.62],
    ];
    expect(jfk.segments).toHaveLength(expected.length);
    for (const [i, { start, end }] of jfk.segments.entries()) {
      expect(Math.abs(start - (expected[i]?.[0] ?? Number.NaN))).toBeLessThan(0.1);
      expect(Math.abs(end - (expected[i]?.[1] ?? Number.NaN))).toBeLessThan(0.1);
    }

    const noise = createSpeechDetector(session);
    await noise.accept(readWav(join(SPEECH, 'leopard-no-speech.wav')));
    await noise.finish();
    expect(noise.segments).toEqual([]);
    await session.release();
  });

  it('gives the same probabilities however the signal is cut into chunks, and to streams that interleave', async () => {
    const session = await openVad();
    const pcm = readWav(join(SPEECH, 'speechbrain-spk1-snt1.wav'));
    const [whole, pieces] = [createSpeechDetector(session), createSpeechDetector(session)];
    const accepted = whole.accept(pcm);
    for (let at = 0; at < pcm.length; at += 777) await pieces.accept(pcm.subarray(at, at + 777));
    await accepted;
    await whole.finish();
    await pieces.finish();
    expect(pieces.probabilities).toEqual(whole.probabilities);
    expect(pieces.segments).toEqual(whole.segments);
    await session.release();
  });
});
