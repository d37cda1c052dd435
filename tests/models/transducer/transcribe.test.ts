import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OpenedSession } from '../../../backend/src/audio/session.ts';
import { transcriptSegment } from '../../../backend/src/contract/transcription.ts';
import type { LoadedTransducer } from '../../../backend/src/models/transducer/load-transducer.ts';
import { transcribePcm } from '../../../backend/src/models/transducer/transcribe.ts';
import { describeWithShared } from '../../support/shared.ts';
import { loadSmallModel, manifest, normalizedWords, openVad, readWav, SPEECH, wordErrors } from './support.ts';

function* chunksOf(pcm: Float32Array, size: number): Generator<Float32Array> {
  for (let at = 0; at < pcm.length; at += size) yield pcm.subarray(at, at + size);
}

describeWithShared('the streaming transducer', () => {
  let folder: string;
  let model: LoadedTransducer;
  let session: OpenedSession;
  const pcm = (): Float32Array => readWav(join(SPEECH, 'jfk.wav'));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'audio-gateway-test-'));
    model = await loadSmallModel(folder);
    session = await openVad();
  });
  afterAll(async () => {
    await model.release();
    await session.release();
    await rm(folder, { recursive: true, force: true });
  });

  it('makes at most 10 % word errors over the manifest, and no words of a clip without speech', async () => {
    let errors = 0;
    let words = 0;
    for (const { audio, text } of manifest()) {
      const deltas: string[] = [];
      const result = await transcribePcm(model, [readWav(join(SPEECH, audio))], {
        vad: { session },
        onDelta: (delta) => deltas.push(delta),
      });
      expect(deltas.join('')).toBe(result.text);
      errors += wordErrors(normalizedWords(text), normalizedWords(result.text));
      words += normalizedWords(text).length;
      if (text === '') expect(result).toMatchObject({ text: '', segments: [], words: [] });
    }
    expect(words).toBe(62);
    expect(errors / words).toBeLessThanOrEqual(0.1);
  });

  it('times words and segments within the audio, each segment with every field of the contract', async () => {
    const { text, words, segments, duration, language } = await transcribePcm(model, [pcm()], { vad: { session } });
    expect({ duration, language }).toEqual({ duration: 11, language: 'en' });
    expect(words.map(({ word }) => word).join(' ')).toBe(text);
    expect(segments.map((segment) => segment.text).join('')).toBe(` ${text}`);
    let before = 0;
    for (const { start, end } of words) {
      expect(start).toBeGreaterThanOrEqual(before);
      expect(end).toBeGreaterThanOrEqual(start);
      before = end;
    }
    expect(before).toBeLessThanOrEqual(duration);
    // The long pause behind "fellow Americans".
    expect(segments.length).toBeGreaterThan(1);
    for (const segment of segments) {
      expect(transcriptSegment.parse(segment)).toEqual(segment);
      expect(segment.avg_logprob).toBeLessThan(0);
      expect(segment.avg_logprob).toBeGreaterThan(-1);
      expect(segment.no_speech_prob).toBeLessThan(0.3);
    }
  });

  it('puts words where they are spoken', async () => {
    const { words } = await transcribePcm(model, [readWav(join(SPEECH, 'leopard-en.wav'))], { vad: { session } });
    // Start times in leopard.json.
    const spoken = { IS: 1.31, APOSTLE: 1.57, MIDDLE: 2.4, CLASSES: 2.69, GLAD: 3.71, WELCOME: 4.26, GOSPEL: 4.93 };
    for (const [word, time] of Object.entries(spoken)) {
      const start = words.find((timed) => timed.word === word)?.start;
      expect(Math.abs((start ?? Number.NaN) - time), word).toBeLessThan(0.25);
    }
  });

  it('gives the same result however the audio is cut, also when streams interleave', async () => {
    const whole = await transcribePcm(model, [pcm()], { vad: { session } });
    const cut = await Promise.all(
      [1000, 5120, 16_000].map((size) => transcribePcm(model, chunksOf(pcm(), size), { vad: { session } })),
    );
    for (const result of cut) expect(result).toEqual(whole);
  });

  it('hands out words while the audio is still arriving', async () => {
    const textAt: number[] = [];
    let text = '';
    async function* arriving(): AsyncGenerator<Float32Array> {
      for (const chunk of chunksOf(pcm(), 16_000)) {
        textAt.push(text.length);
        yield chunk;
      }
    }
    const result = await transcribePcm(model, arriving(), {
      vad: { session },
      onDelta: (delta) => {
        text += delta;
      },
    });
    // With 4 s of 11 heard the first words are out, with 9 s more than half of them.
    expect(textAt[4]).toBeGreaterThan(0);
    expect(textAt[9]).toBeGreaterThan(result.text.length / 2);
  });

  it('stops at an abort in the middle of a chunk, and lets other work through meanwhile', async () => {
    const controller = new AbortController();
    let turns = 0;
    const spin = (): void => {
      turns += 1;
      if (turns === 20) controller.abort(new Error('the client went away'));
      else setImmediate(spin);
    };
    setImmediate(spin);
    const minute = new Float32Array(16_000 * 60);
    const started = performance.now();
    const running = transcribePcm(model, [minute], { vad: { session }, signal: controller.signal });
    await expect(running).rejects.toThrow('the client went away');
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('gives an empty result for no samples', async () => {
    expect(await transcribePcm(model, [], { vad: { session } })).toEqual({
      text: '',
      language: 'en',
      duration: 0,
      segments: [],
      words: [],
    });
  });
});
