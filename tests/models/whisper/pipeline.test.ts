import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type TranscriptionCheckpoint,
  type TranscriptionEvent,
  type TranscriptWindow,
  transcriptSegment,
  transcriptWindow,
} from '../../../backend/src/contract/transcription.ts';
import type { LoadContext, ModelDefinition, Pipeline } from '../../../backend/src/models/define-model.ts';
import whisper, { VAD_FILE, type WhisperSettings } from '../../../backend/src/models/whisper/definition.ts';
import { load } from '../../../backend/src/models/whisper/pipeline.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';
import { type WhisperKind, writeWhisperFixture } from '../../support/seeded-weights.ts';
import { describeWithShared, shared } from '../../support/shared.ts';
import { writeLongAudio } from '../../tools/bench/long-audio.ts';

const LIMITS = { maxSeconds: 60, maxDecodedBytes: 2 ** 24 };
const PARAMS = { temperature: 0.5, words: false };
const logged: string[] = [];
const opened: string[] = [];
const JFK = { audioPath: shared('audio/speech/jfk.mp3'), limits: LIMITS };
const SERVER_VAD = { type: 'server_vad', prefix_padding_ms: 300, silence_duration_ms: 200, threshold: 1 } as const;

/** The catalog's model, its files those of a small one. */
async function loadPipeline(
  kind: WhisperKind,
  id: string,
  dir: string,
  settings: Partial<WhisperSettings> = {},
): Promise<Pipeline<'transcription'>> {
  const found = whisper.models.find((model) => model.id === id);
  if (found === undefined) throw new Error(id);
  const model: ModelDefinition = { ...found, settings: { ...(found.settings as WhisperSettings), ...settings } };
  await writeWhisperFixture(kind, dir);
  const context: LoadContext = {
    model,
    dtype: 'fp32',
    file: (name) => join(dir, name),
    auxiliaryFile: (role, name) => {
      expect([role, name]).toEqual(['vad', VAD_FILE]);
      return shared('hub', model.auxiliary?.[role]?.repo ?? '', name);
    },
    derivedFolder: async () => dir,
    openSession: (graph, { threads = 2 } = {}) => {
      opened.push(String(graph).slice(dir.length + 1));
      return openSession(graph, { threads, device: 'cpu' });
    },
    tools: { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' },
    log: (message, fields) => logged.push(JSON.stringify({ message, ...fields })),
  };
  return load(context);
}

describeWithShared('the whisper pipeline', () => {
  let timestamped: Pipeline<'transcription'>;
  let plain: Pipeline<'transcription'>;
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'audio-gateway-test-'));
    timestamped = await loadPipeline('timestamped', 'whisper-tiny_timestamped', join(dir, 'timestamped'));
    plain = await loadPipeline('en', 'whisper-tiny.en', join(dir, 'en'), { longForm: 'sequential' });
  });
  afterAll(async () => {
    await timestamped.dispose();
    await plain.dispose();
    await rm(dir, { recursive: true, force: true });
  });
  const quiet = { signal: new AbortController().signal, emit: () => {} };

  it('hands out its windows, and goes on behind those of a run that was interrupted', async () => {
    const audioPath = join(dir, 'long.flac');
    await writeLongAudio(audioPath, 75);
    const input = (name: string, from?: TranscriptionCheckpoint) => ({
      audioPath,
      limits: { ...LIMITS, maxSeconds: 100 },
      resume: { pcmPath: join(dir, name), from },
    });
    const collect =
      (into: TranscriptWindow[], onWindow?: (position: unknown) => void) => (event: TranscriptionEvent) => {
        if (event.type !== 'window') return;
        into.push(event.window);
        onWindow?.(event.position);
      };
    const windows: TranscriptWindow[] = [];
    const whole = await timestamped.run(input('whole.s16'), PARAMS, { ...quiet, emit: collect(windows) });
    expect(windows.length).toBeGreaterThan(2);
    for (const window of windows) expect(transcriptWindow.parse(window)).toEqual(window);
    expect(windows.flatMap(({ segments }) => segments)).toEqual(whole.segments);

    const stop = new AbortController();
    const first: TranscriptWindow[] = [];
    let position: unknown;
    const emit = collect(first, (behind) => {
      position ??= JSON.parse(JSON.stringify(behind));
      stop.abort(new Error('stopped'));
    });
    await expect(timestamped.run(input('cut.s16'), PARAMS, { signal: stop.signal, emit })).rejects.toThrow('stopped');
    const from = { windows: first.slice(0, 1), position };
    const rest: TranscriptWindow[] = [];
    const resumed = await timestamped.run(input('cut.s16', from), PARAMS, { ...quiet, emit: collect(rest) });
    expect(rest.map(({ index }) => index)).toEqual(windows.slice(1).map(({ index }) => index));
    expect(resumed.text).toBe(whole.text);

    // Of other options: begun anew, which index 0 says.
    const other = { ...PARAMS, temperature: 0.4 };
    const anew: TranscriptWindow[] = [];
    await timestamped.run(input('cut.s16', from), other, { ...quiet, emit: collect(anew) });
    expect(anew[0]?.index).toBe(0);
    expect(anew).toHaveLength(windows.length);
  });

  it('takes a file to segments and words in every field', async () => {
    const deltas: string[] = [];
    const params = { ...PARAMS, words: true, language: 'de', prompt: 'Names' };
    const context = {
      ...quiet,
      emit: (event: TranscriptionEvent) => deltas.push(event.type === 'delta' ? event.delta : ''),
    };
    const result = await timestamped.run(JFK, params, context);
    expect(result).toMatchObject({ language: 'de' });
    expect(result.duration).toBeCloseTo(11, 1);
    expect(result.text).not.toBe('');
    expect(deltas.join('')).toBe(result.text);
    expect(logged).toEqual([]);
    for (const segment of result.segments) expect(transcriptSegment.parse(segment)).toEqual(segment);
    expect(result.words.length).toBeGreaterThan(0);
    let before = 0;
    for (const { start, end } of result.words) {
      expect(start).toBeGreaterThanOrEqual(before);
      expect(end).toBeGreaterThanOrEqual(start);
      before = end;
    }
    expect(before).toBeLessThanOrEqual(result.duration);
  });

  it('finds the language itself, the same for many at once', async () => {
    const results = await Promise.all([1, 2, 3].map(() => timestamped.run(JFK, PARAMS, quiet)));
    expect(results[0]?.language).toMatch(/^[a-z]{2,3}$/);
    expect(results[1]?.language).toBe(results[0]?.language);
    expect(results[2]?.language).toBe(results[0]?.language);
  });

  it('goes through a file sequentially where it is listed so', async () => {
    const result = await plain.run(JFK, PARAMS, quiet);
    expect(result.language).toBe('en');
    // A window of random text: told either way.
    expect([...result.segments, ...(result.suppressed_segments ?? [])].length).toBeGreaterThan(0);
  });

  it("takes a caller's detector settings: nothing passes a threshold of 1", async () => {
    expect((await plain.run(JFK, { ...PARAMS, chunking: SERVER_VAD }, quiet)).segments).toEqual([]);
  });

  it('searches with beams when asked to: the graphs for it are opened then', async () => {
    const steps = ['onnx/decoder_model.onnx', 'onnx/decoder_with_past_model.onnx'];
    expect(opened).not.toContain(steps[1]);
    const params = { ...PARAMS, temperature: 0, language: 'de', beamSize: 3 };
    const result = await timestamped.run(JFK, params, quiet);
    expect([...result.segments, ...(result.suppressed_segments ?? [])].length).toBeGreaterThan(0);
    expect(opened.slice(-2)).toEqual(steps);
    const before = opened.length;
    expect(await timestamped.run(JFK, params, quiet)).toEqual(result);
    expect(opened).toHaveLength(before);
  });

  it('names the model that times words where this one cannot', async () => {
    const asked = plain.run(JFK, { ...PARAMS, words: true }, quiet);
    await expect(asked).rejects.toMatchObject({
      code: 'unsupported_value',
      param: 'timestamp_granularities',
      message: expect.stringContaining("'whisper-tiny.en_timestamped'"),
    });
  });

  it('stops when its request is cancelled, others go on', async () => {
    const controller = new AbortController();
    const others = timestamped.run(JFK, PARAMS, quiet);
    const running = timestamped.run(JFK, PARAMS, { ...quiet, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('cancelled')), 100);
    await expect(running).rejects.toThrow('cancelled');
    // What random weights write may be withheld.
    expect((await others).duration).toBeCloseTo(11, 1);
  });
});
