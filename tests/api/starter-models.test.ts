/** What the gateway does with nothing but what it ships with: no hub, no GPU, voices and music that the models have not seen. */
import { openAsBlob } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { decodeStereo } from '../../backend/src/audio/decode-stereo.ts';
import { siSdr } from '../../backend/src/audio/separation-metrics.ts';
import type { diarizationJson } from '../../backend/src/contract/diarization.ts';
import type { separationJson } from '../../backend/src/contract/separation.ts';
import { DEFAULT_MODEL_LIST } from '../../backend/src/models/load-model-list.ts';
import { countDiarizationErrors, diarizationErrorRate } from '../../backend/src/text/der.ts';
import { parseRttm } from '../../backend/src/text/rttm.ts';
import { countErrors, errorRate } from '../../backend/src/text/wer.ts';
import { PROJECT_ROOT } from '../support/shared.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type Api, errorOf, json, startApi, toForm } from './start-api.ts';

const CLIPS = join(PROJECT_ROOT, 'starter-models/clips');

let api: Api;
beforeAll(async () => {
  api = await startApi({ modelListUrl: DEFAULT_MODEL_LIST });
});
afterAll(() => api.close());

const clip = async (name: string) => new File([await openAsBlob(join(CLIPS, name))], name);
const reference = (name: string) => readFile(join(CLIPS, name), 'utf8');

async function post(path: string, form: Parameters<typeof toForm>[0]): Promise<Response> {
  const response = await api.fetch(path, { method: 'POST', body: toForm(form) });
  expect(response.status).toBe(200);
  return response;
}

/** Left and right, one after the other. */
async function stereoSamples(path: string): Promise<Float32Array> {
  const chunks: Float32Array[] = [];
  const options = { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', maxSeconds: 60, maxDecodedBytes: 2 ** 30 };
  for await (const chunk of decodeStereo(path, { ...options, signal: new AbortController().signal })) {
    chunks.push(chunk.slice());
  }
  return Float32Array.from(chunks.flatMap((chunk) => [...chunk]));
}

describe('speech', () => {
  type Timed = { word: string; start: number; end: number };
  const words = (text: string) => text.toLowerCase().match(/[a-z']+/g) ?? [];

  it('is written down, with a time for each word', async () => {
    const answer = await post('/v1/audio/transcriptions', {
      file: await clip('sentence.flac'),
      model: 'whisper-1',
      response_format: 'verbose_json',
      'timestamp_granularities[]': 'word',
    });
    expect(answer.headers.get('x-model-note')).toMatch(/^starter-whisper: /);
    const { text, words: timed } = await json<{ text: string; words: Timed[] }>(answer);
    const said = words(await reference('sentence.txt'));
    expect(words(text)).toEqual(said);
    expect(timed.flatMap(({ word }) => words(word))).toEqual(said);
    expect(timed.every(({ start, end }, i) => start >= (timed[i - 1]?.end ?? 0.2) && end > start)).toBe(true);
  });

  it('of two is written down with who says what', async () => {
    const answer = await post('/v1/audio/transcriptions', {
      file: await clip('conversation.flac'),
      model: 'whisper-1',
      response_format: 'diarized_json',
    });
    const { segments } = await json<{ segments: { speaker: string; text: string }[] }>(answer);
    expect(new Set(segments.map(({ speaker }) => speaker)).size).toBe(2);
    const written = words(segments.map(({ text }) => text).join(' '));
    const said = words((await reference('conversation.txt')).replaceAll(/^[AB]: /gm, ''));
    expect(errorRate(countErrors(said, written))).toBeLessThan(0.65);
  });
});

it('tells who speaks when', async () => {
  const answer = await post('/v1/audio/diarizations', { file: await clip('conversation.flac') });
  expect(answer.headers.get('x-model-note')).toMatch(/^starter-pyannote: /);
  const { speakers, segments } = await json<z.infer<typeof diarizationJson>>(answer);
  expect(speakers).toHaveLength(2);
  const expected = parseRttm(await reference('conversation.rttm'));
  expect(diarizationErrorRate(countDiarizationErrors(expected, segments))).toBeLessThan(0.15);
});

describe('a song', () => {
  let answer: Response;
  beforeAll(async () => {
    answer = await post('/v1/audio/separations', { file: await clip('song.flac') });
  });

  it.each(['vocals', 'drums'])('is taken apart: %s', async (stem) => {
    const { stems } = await json<z.infer<typeof separationJson>>(answer.clone());
    const url = stems.find((made) => made.stem === stem)?.url ?? '';
    const path = join(await tempDir(), 'stem.wav');
    await writeFile(path, new Uint8Array(await (await api.fetch(url)).arrayBuffer()));
    const [made, truth, mixture] = await Promise.all(
      [path, join(CLIPS, `song-${stem}.flac`), join(CLIPS, 'song.flac')].map(stereoSamples),
    );
    if (made === undefined || truth === undefined || mixture === undefined) throw new Error('nothing was decoded');
    expect(siSdr(truth, made) - siSdr(truth, mixture)).toBeGreaterThan(6);
  });

  it('has an answer that says which model made it, now and later', async () => {
    expect(answer.headers.get('x-model-note')).toMatch(/^starter-demucs: /);
    const { id } = await json<z.infer<typeof separationJson>>(answer.clone());
    const result = await api.fetch(`/v1/jobs/${id}/result`);
    expect(result.headers.get('x-model-note')).toBe(answer.headers.get('x-model-note'));
  });
});

describe('what ships with the gateway', () => {
  const admin = { headers: { authorization: `Bearer ${ADMIN_KEY}` } };

  it('is marked in both lists, is here without a download, and has no page on the hub', async () => {
    const bundled = ['starter-whisper', 'starter-pyannote', 'starter-demucs'];
    const { data } = await json<{ data: { id: string; bundled: boolean; status: string }[] }>(
      await api.fetch('/v1/models'),
    );
    expect(data.filter((model) => model.bundled).map(({ id }) => id)).toEqual(bundled);
    const listed = await json<{ data: Record<string, unknown>[] }>(await api.fetch('/api/admin/models', admin));
    const starters = listed.data.filter((model) => model.bundled);
    expect(starters.map(({ id }) => id)).toEqual(bundled);
    for (const starter of starters) {
      expect(starter).toMatchObject({ files: { state: 'present' }, repositories: [], download_bytes: null });
    }
  });

  it('cannot be deleted or removed', async () => {
    const options = { method: 'DELETE', ...admin };
    for (const path of ['/api/admin/models/starter-demucs/artifacts', '/api/admin/models/starter-demucs']) {
      expect(await errorOf(await api.fetch(path, options))).toMatchObject({ status: 409, code: 'model_is_built_in' });
    }
  });
});
