import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeAudio } from '../../../backend/src/audio/decode.ts';
import { PcmBuffer } from '../../../backend/src/audio/pcm-buffer.ts';
import {
  type AudioWindow,
  cutWindows,
  DEFAULT_WINDOW_OPTIONS,
  type WindowOptions,
} from '../../../backend/src/models/whisper/windows.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { describeWithShared, shared } from '../../support/shared.ts';
import { levels, levelVad } from './support.ts';

type Span = readonly [seconds: number, level: number];
const SPEECH = 0.9;

async function cut(spans: readonly Span[], options: Partial<WindowOptions> = {}): Promise<AudioWindow[]> {
  return collect(cutWindows(levels(...spans), levelVad, { ...DEFAULT_WINDOW_OPTIONS, ...options }));
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

/** To a detector's window of 32 ms, all times are uncertain by one. */
const times = (windows: readonly AudioWindow[]) => windows.map(({ start, end }) => [near(start), near(end)]);
const near = (seconds: number): number => Math.round(seconds * 10) / 10;

function expectSound(windows: readonly AudioWindow[]): void {
  let before = 0;
  for (const [i, { index, start, end, pcm, speech }] of windows.entries()) {
    expect(index).toBe(i);
    expect(start).toBeGreaterThanOrEqual(before);
    expect(end - start).toBeLessThanOrEqual(30);
    expect(pcm).toHaveLength(Math.round((end - start) * 16_000));
    expect(speech.length).toBeGreaterThan(0);
    for (const span of speech) {
      expect(span.start).toBeGreaterThanOrEqual(start);
      expect(span.end).toBeLessThanOrEqual(end + 0.001);
    }
    before = end;
  }
}

describe('cutting windows', () => {
  it('hears nothing in silence', async () => {
    expect(await cut([[70, 0]])).toEqual([]);
    expect(await cut([])).toEqual([]);
  });

  it('makes one window of a short clip: from the first word to the last, padded', async () => {
    const windows = await cut([
      [2, 0],
      [3, SPEECH],
      [1, 0],
      [2, SPEECH],
      [4, 0],
    ]);
    expect(times(windows)).toEqual([[1.7, 8.3]]);
    expect(windows[0]?.speech.map(({ start, end }) => [near(start), near(end)])).toEqual([
      [2, 5],
      [6, 8],
    ]);
    expectSound(windows);
  });

  it('joins neighbours up to a window and cuts at the last pause that fits', async () => {
    const sentence: Span[] = [
      [7, SPEECH],
      [1, 0],
    ];
    const windows = await cut(Array(8).fill(sentence).flat());
    expect(times(windows)).toEqual([
      [0, 23.3],
      [23.7, 47.3],
      [47.7, 63.3],
    ]);
    expectSound(windows);
  });

  it('shares a short pause between two windows, so that neither hears the other', async () => {
    const windows = await cut([
      [20, SPEECH],
      [0.3, 0],
      [20, SPEECH],
    ]);
    const [first, second] = windows;
    expect(Math.abs((first?.end ?? 0) - 20.15)).toBeLessThan(0.04);
    expect(second?.start).toBeCloseTo(first?.end ?? 0, 1);
    expectSound(windows);
  });

  it('does not bridge a long silence', async () => {
    expect(
      times(
        await cut([
          [3, SPEECH],
          [6, 0],
          [3, SPEECH],
        ]),
      ),
    ).toEqual([
      [0, 3.3],
      [8.7, 12],
    ]);
    expect(
      times(
        await cut([
          [3, SPEECH],
          [4, 0],
          [3, SPEECH],
        ]),
      ),
    ).toEqual([[0, 10]]);
  });

  it('cuts speech without a pause at its quietest moment in the second half of a window', async () => {
    const windows = await cut([
      [8, 0.9],
      [0.2, 0.6],
      [10, 0.9],
      [0.2, 0.7],
      [30, 0.9],
    ]);
    expect(near(windows[0]?.end ?? 0)).toBe(18.3);
    expect(windows.map(({ start }) => near(start)).slice(1)).toEqual(windows.map(({ end }) => near(end)).slice(0, -1));
    expect(near(windows.at(-1)?.end ?? 0)).toBe(48.4);
    expectSound(windows);
  });

  it('does not leave a word alone before long speech', async () => {
    const windows = await cut([
      [1, SPEECH],
      [0.5, 0],
      [40, SPEECH],
    ]);
    expect(windows).toHaveLength(2);
    expect((windows[0]?.end ?? 0) - (windows[0]?.start ?? 0)).toBeGreaterThan(14);
    expect(windows[0]?.end).toBe(windows[1]?.start);
    expectSound(windows);
  });

  it("takes a caller's settings", async () => {
    const spans: Span[] = [
      [5, 0.4],
      [1, 0],
      [5, 0.4],
    ];
    const vad = { ...DEFAULT_WINDOW_OPTIONS.vad, threshold: 0.3, negativeThreshold: 0.15 };
    expect(await cut(spans)).toEqual([]);
    expect(times(await cut(spans, { vad, padSeconds: 0, maxSeconds: 8 }))).toEqual([
      [0, 5],
      [6, 11],
    ]);
  });

  it('gives every moment of speech to exactly one window, whatever the speech is like', async () => {
    let state = 7;
    const random = (): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state / 2 ** 32;
    };
    for (let round = 0; round < 20; round += 1) {
      const spans = Array.from({ length: 60 }, (_, i): Span => {
        const long = random() < 0.1 ? 40 : 4;
        return i % 2 === 0 ? [0.2 + random() * long, 0.55 + random() * 0.4] : [0.2 + random() ** 4 * 8, random() * 0.3];
      });
      const windows = await cut(spans);
      expectSound(windows);
      let at = 0;
      for (const [seconds, level] of spans) {
        for (let moment = at + 0.1; moment < at + seconds - 0.1 && level > 0.5; moment += 0.25) {
          expect(
            windows.filter(({ start, end }) => start <= moment && moment < end),
            `${moment}`,
          ).toHaveLength(1);
        }
        at += seconds;
      }
    }
  });

  it('hands out a window as soon as it is settled and holds no more than is waiting', async () => {
    let heard = 0;
    function* counted(): Generator<Float32Array> {
      for (const chunk of levels(
        ...(Array(12)
          .fill([
            [4, SPEECH],
            [1, 0],
          ])
          .flat() as Span[]),
      )) {
        heard += chunk.length / 16_000;
        yield chunk;
      }
    }
    for await (const { end } of cutWindows(counted(), levelVad)) expect(heard - end).toBeLessThan(7);
  });
});

describe('a sliding buffer', () => {
  it('gives back what it still holds', () => {
    const buffer = new PcmBuffer();
    for (let i = 0; i < 10; i += 1) buffer.append(Float32Array.from({ length: 3 }, (_, j) => 3 * i + j));
    expect(Array.from(buffer.slice(4, 8))).toEqual([4, 5, 6, 7]);
    buffer.dropBefore(7);
    expect(Array.from(buffer.slice(0, 9))).toEqual([6, 7, 8]);
    expect(Array.from(buffer.slice(28, 99))).toEqual([28, 29]);
    buffer.dropBefore(30);
    expect([buffer.slice(0, 99).length, buffer.end]).toEqual([0, 30]);
  });
});

describeWithShared('with the real detector', () => {
  it('finds the speech of a recording, and none where there is none', async () => {
    const vad = await openSession(shared('hub/onnx-community/silero-vad/onnx/model.onnx'), {
      threads: 1,
      device: 'cpu',
    });
    const windowsOf = (file: string) =>
      collect(
        cutWindows(
          decodeAudio(join(shared('audio/speech'), file), {
            ...{ signal: new AbortController().signal, maxSeconds: 60, maxDecodedBytes: 2 ** 24 },
            ...{ ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' },
          }),
          vad,
        ),
      );
    const [jfk, ...others] = await windowsOf('jfk.wav');
    expect(others).toEqual([]);
    expect(jfk?.start).toBeLessThan(0.5);
    expect(jfk?.end).toBeGreaterThan(10);
    expect(jfk?.speech.length).toBeGreaterThan(2);
    expect(await windowsOf('leopard-no-speech.wav')).toEqual([]);
    await vad.release();
  });
});
