import { describe, expect, it } from 'vitest';
import { decodeAudio } from '../../../backend/src/audio/decode.ts';
import type { TranscriptWindow } from '../../../backend/src/contract/transcription.ts';
import type { TranscribeOptions } from '../../../backend/src/models/whisper/request.ts';
import { CannotResume, type ResumePoint } from '../../../backend/src/models/whisper/resume.ts';
import { transcribePcm } from '../../../backend/src/models/whisper/transcribe.ts';
import { type CutWindow, cutWindows, DEFAULT_WINDOW_OPTIONS } from '../../../backend/src/models/whisper/windows.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { describeWithShared, shared } from '../../support/shared.ts';
import { type Decoding, fakeWhisper } from './fake-model.ts';
import { levels, levelVad, pcmFrom, said, slowVad } from './support.ts';

type Span = readonly [seconds: number, level: number];

/** Sentences with pauses of all lengths, and stretches without any that have to be cut. */
function talk(seconds: number, seed: number): Float32Array[] {
  const random = seededRandom(seed);
  const spans: Span[] = [];
  for (let at = 0; at < seconds; at += spans.slice(-2).reduce((sum, [length]) => sum + length, 0)) {
    const longest = random() < 0.2 ? 70 : 6;
    spans.push([0.2 + random() * longest, 0.55 + random() * 0.4], [0.1 + random() ** 4 * 9, random() * 0.3]);
  }
  return [...levels(...spans)];
}

/** A window's text is its own: of its sound, its prompt and its seed. Some windows are odd. */
function write({ level, prompt, temperature, seed }: Decoding) {
  const sum = prompt.reduce((total, token) => (31 * total + token) % 9973, (seed ?? 0) % 9973);
  const mood = (sum + Math.round(level * 997)) % 10;
  const name = ` w${seed ?? level.toFixed(3)} ${mood} `;
  const quality = { avgLogprob: mood === 3 && temperature < 0.5 ? -2 : -0.3, noSpeechProb: mood === 4 ? 0.7 : 0.1 };
  if (mood === 5) return { ...quality, tokens: said(0, ' same'), avgLogprob: -0.1 };
  if (mood === 6) return { ...quality, tokens: said(0, name, 1, 1, ' zero', 1), finished: 'eot' as const };
  if (mood === 7) return { ...quality, tokens: said(0, name, 2, 2, ' cut off'), finished: 'length' as const };
  if (mood === 8) return { ...quality, tokens: [], avgLogprob: -3, noSpeechProb: 0.9 };
  return { ...quality, tokens: said(0, name, 3, 3.5, ' more', 5) };
}

interface Stop {
  point: ResumePoint;
  /** Told up to here. */
  deltas: string[];
}

/** Runs to the end, and tells the state behind each window as a job would have stored it. */
async function runWhole(pcm: Iterable<Float32Array>, options: TranscribeOptions) {
  const windows: TranscriptWindow[] = [];
  const deltas: string[] = [];
  const stops: string[] = [];
  const result = await transcribePcm(fakeWhisper({ write, vad: slowVad }), pcm, {
    ...options,
    onDelta: (delta) => deltas.push(delta),
    onWindow: (window, position) => {
      windows.push(window);
      stops.push(JSON.stringify({ point: { windows, position }, deltas }));
    },
  });
  return { result, deltas, stops };
}

async function goOn(pcm: Iterable<Float32Array>, stop: string, options: TranscribeOptions) {
  const { point, deltas }: Stop = JSON.parse(stop);
  const model = fakeWhisper({ write, vad: slowVad });
  const result = await transcribePcm(model, pcmFrom(pcm, point.position.sample), {
    ...options,
    onDelta: (delta) => deltas.push(delta),
    resumeFrom: point,
  });
  return { result, deltas, model };
}

describe('going on with a transcription', () => {
  const cases: [string, TranscribeOptions][] = [
    ['in windows', { logprobs: true }],
    ['in windows with words, each asked for its language', { words: true, detect: 'per-window', prompt: 'Names' }],
    ['in windows of other settings', { language: 'fr', windows: { ...DEFAULT_WINDOW_OPTIONS, maxSeconds: 15 } }],
    ['sequentially', { mode: 'sequential', logprobs: true, prompt: 'Names' }],
    ['sequentially with words', { mode: 'sequential', words: true }],
    ['sequentially without the text before', { mode: 'sequential', conditionOnPrevious: false }],
  ];

  it.each(cases)('ends as if it had not stopped: %s', async (_, options) => {
    const pcm = talk(500, 11);
    const whole = await runWhole(pcm, options);
    expect(whole.stops.length).toBeGreaterThan(10);
    for (const stop of whole.stops) {
      const rest = await goOn(pcm, stop, options);
      expect(rest.result).toEqual(whole.result);
      expect(rest.deltas.join('')).toBe(whole.result.text);
      expect(rest.model.encodings).toBeLessThan(2 * whole.stops.length);
    }
    const last = await goOn(pcm, whole.stops.at(-1) ?? '', options);
    expect(last.model).toMatchObject({ encodings: 0, detections: 0 });
  });

  it('can be stopped again and again', async () => {
    const pcm = talk(150, 5);
    for (const options of [{ words: true }, { mode: 'sequential' }] as const) {
      const { result } = await runWhole(pcm, options);
      let point: ResumePoint | undefined;
      for (let runs = 0; ; runs += 1) {
        const controller = new AbortController();
        const windows: TranscriptWindow[] = [...(point?.windows ?? [])];
        const running: Promise<unknown> = transcribePcm(
          fakeWhisper({ write, vad: slowVad }),
          pcmFrom(pcm, point?.position.sample ?? 0),
          {
            ...options,
            signal: controller.signal,
            ...(point === undefined ? {} : { resumeFrom: point }),
            onWindow: (window, position) => {
              windows.push(window);
              point = JSON.parse(JSON.stringify({ windows, position }));
              controller.abort(new Error('stopped'));
            },
          },
        ).catch((error: Error) => error.message);
        const ended = await running;
        if (ended === 'stopped') continue;
        expect(ended).toEqual(result);
        expect(runs).toBeGreaterThan(2);
        break;
      }
    }
  });

  it('keeps the state small', async () => {
    const { stops } = await runWhole(talk(600, 11), {});
    const sizes = stops.map((stop) => JSON.stringify((JSON.parse(stop) as Stop).point.position).length);
    expect(Math.max(...sizes)).toBeLessThan(12_000);
  });

  it('refuses a state that is not of this run', async () => {
    const pcm = talk(120, 3);
    const { stops } = await runWhole(pcm, { language: 'en' });
    const { point }: Stop = JSON.parse(stops.at(-1) ?? '');
    const run = (resumeFrom: ResumePoint, options: TranscribeOptions = {}, chunks = pcm) =>
      transcribePcm(fakeWhisper({ write, vad: slowVad }), pcmFrom(chunks, point.position.sample), {
        language: 'en',
        ...options,
        resumeFrom,
      });
    await expect(run(point)).resolves.toMatchObject({ language: 'en' });
    const refused = async (running: Promise<unknown>, reason: string): Promise<void> => {
      await expect(running).rejects.toThrow(CannotResume);
      await expect(running).rejects.toThrow(reason);
    };
    await refused(run(point, { language: 'fr' }), 'other options');
    await refused(run(point, { mode: 'sequential' }), 'other options');
    await refused(run({ ...point, windows: point.windows.slice(1) }), `${point.windows.length} windows`);
    const newer = { ...point, position: { ...point.position, version: 2 } };
    await refused(run(newer as unknown as ResumePoint), 'version 2');
    await refused(run({ ...point, position: { ...point.position, sample: -1 } }), 'damaged');
    // PCM that is shorter than what was heard is no other options' state, but no PCM of this file either.
    await expect(run(point, {}, pcm.slice(0, 3))).rejects.toThrow('the PCM ends at sample');
  });
});

describe('cutting', () => {
  it('does not depend on how the audio comes', async () => {
    const pcm = talk(200, 23);
    const whole = await collect(cutWindows(pcm, slowVad));
    for (const size of [160, 5000, 16_000, 99_991]) {
      expect(await collect(cutWindows(pcmFrom(pcm, 0, size), slowVad)), `${size}`).toEqual(whole);
    }
  });
});

describe('cutting on', () => {
  it('remembers a quiet moment heard before the window it divides', async () => {
    const dip: Span = [0.2, 0.6];
    const pcm = [...levels([14.3, 0.9], dip, [14.15, 0.9], dip, [40, 0.9])];
    const [first, ...others] = await collect(cutWindows(pcm, levelVad));
    if (first === undefined) throw new Error('no window');
    // It was heard when the first window was cut.
    expect(Math.abs((others[0]?.end ?? 0) - 28.75)).toBeLessThan(0.1);
    expect(first.behind.listener.heard).toBe(29 * 16_000);
    const rest = pcmFrom(pcm, first.behind.listener.sample);
    expect(await collect(cutWindows(rest, levelVad, undefined, { index: 1, state: first.behind }))).toEqual(others);
  });
});

describeWithShared('cutting real speech with the real detector', () => {
  it('gives the same windows from any of them on', async () => {
    const vad = await openSession(shared('hub/onnx-community/silero-vad/onnx/model.onnx'), {
      threads: 1,
      device: 'cpu',
    });
    const signal = new AbortController().signal;
    const pcm: Float32Array[] = [];
    for (const file of ['leopard-en.wav', 'jfk.wav', 'leopard-de.wav', 'leopard-fr.wav', 'leopard-ja.wav']) {
      const options = { signal, maxSeconds: 600, maxDecodedBytes: 2 ** 28 };
      for await (const chunk of decodeAudio(shared('audio/speech', file), options)) pcm.push(chunk);
      pcm.push(new Float32Array(3000 * pcm.length));
    }
    // Once more without pauses between the speakers.
    pcm.push(...pcm.filter((chunk) => chunk.some((sample) => sample !== 0)));
    const options = { ...DEFAULT_WINDOW_OPTIONS, maxSeconds: 5, maxGapSeconds: 1 };
    const whole = await collect(cutWindows(pcm, vad, options));
    expect(whole.length).toBeGreaterThan(10);
    for (const [i, window] of whole.entries()) {
      const behind: CutWindow['behind'] = JSON.parse(JSON.stringify(window.behind));
      const rest = pcmFrom(pcm, behind.listener.sample);
      // The first windows tell: what was lost at the cut would show there. One goes on to the end.
      const most = i === 2 ? whole.length : 3;
      const next = await collect(cutWindows(rest, vad, options, { index: i + 1, state: behind }), most);
      expect(next).toEqual(whole.slice(i + 1, i + 1 + most));
    }
    await vad.release();
  });
});

async function collect<T>(source: AsyncIterable<T>, most = Number.POSITIVE_INFINITY): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) {
    all.push(item);
    if (all.length === most) break;
  }
  return all;
}
