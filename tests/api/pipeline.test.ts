/** One call that takes the vocals out, writes them down and says who says what: three models, one of them a known share of what it hears. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { z } from 'zod';
import type { Job } from '../../backend/src/contract/jobs.ts';
import type { transcriptionVerboseJson } from '../../backend/src/contract/transcription.ts';
import { type FakeHub, startFakeHub } from '../support/fake-hub.ts';
import { shareGraph } from '../support/share-graph.ts';
import { describeWithShared, SHARED_ROOT, shared } from '../support/shared.ts';
import { standInEmbedding } from '../support/stand-in-embedding.ts';
import { wavOf } from '../support/wav.ts';
import { type Api, errorOf, eventually, type FormValues, json, startApi, toForm } from './start-api.ts';

const SPEECH_MODEL = 'zipformer-gigaspeech-3.3m';
type Verbose = z.infer<typeof transcriptionVerboseJson>;

describeWithShared('pipelines', () => {
  let hub: FakeHub;
  let api: Api;
  let call: File;
  beforeAll(async () => {
    hub = await startFakeHub({
      root: `${SHARED_ROOT}/hub`,
      repos: {
        'tests/stand-in': { 'onnx/model.onnx': standInEmbedding() },
        // All of it is the vocals.
        'tests/vocals': { 'htdemucs.onnx': shareGraph([0, 0, 0, 1], 44_100) },
      },
    });
    api = await startApi({ env: { HF_ENDPOINT: hub.url } });
    for (const [id, family, repo] of [
      ['stand-in', 'pyannote', 'tests/stand-in'],
      ['vocals', 'demucs', 'tests/vocals'],
    ]) {
      const added = await api.fetch('/api/admin/models', {
        method: 'POST',
        headers: { authorization: `Bearer ${api.app.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ id, family, repo }),
      });
      expect(added.status).toBe(201);
    }
    // Of the call, a stretch in which both speak.
    const wav = await readFile(shared('audio/diarization/sample.wav'));
    const samples = new Int16Array(
      wav.buffer.slice(wav.byteOffset + 44 + 32_000 * 6, wav.byteOffset + 44 + 32_000 * 18),
    );
    call = new File([wavOf(Float32Array.from(samples, (value) => value / 32_768))], 'call.wav');
  });
  afterAll(async () => {
    await api.close();
    await hub.close();
  });

  const MODELS = { model: SPEECH_MODEL, diarization_model: 'stand-in', separation_model: 'vocals' };
  const send = (path: string, values: FormValues = {}) =>
    api.fetch(path, { method: 'POST', body: toForm({ file: call, ...MODELS, ...values }) });

  it('says who says what of the vocals, and is the same as a transcription that asks for each', async () => {
    const whole = await json<Verbose>(await send('/v1/audio/pipelines'));
    expect(whole.speakers?.map(({ speaker }) => speaker)).toEqual(['A', 'B']);
    expect(whole.text).not.toBe('');
    const values = { response_format: 'verbose_json', separate_vocals: 'true', diarize: 'true' };
    expect(await json(await send('/v1/audio/transcriptions', values))).toEqual(whole);
    const plain = await json<Verbose>(
      await send('/v1/audio/pipelines', { separate_vocals: 'false', diarize: 'false' }),
    );
    expect(plain.speakers).toBeUndefined();
    expect(plain.text).not.toBe('');
  });

  it('is a job with all stages, and every model is in its manifest', async () => {
    const response = await send('/v1/audio/pipelines', { background: 'true' });
    expect(response.status).toBe(202);
    const { id } = await json<Job>(response);
    await eventually(async () => {
      expect((await json<Job>(await api.fetch(`/v1/jobs/${id}`))).status).toBe('succeeded');
    });
    const manifest = await json<{ further_models: { id: string }[]; stages: { name: string }[] }>(
      await api.fetch(`/v1/jobs/${id}/artifacts/manifest.json`),
    );
    expect(manifest.further_models.map((model) => model.id)).toEqual(['stand-in', 'vocals']);
    expect(manifest.stages.map(({ name }) => name)).toEqual([
      ...['decoding', 'separation', 'transcription', 'segmentation', 'embedding', 'clustering'],
    ]);
    const vtt = await (await api.fetch(`/v1/jobs/${id}/result?response_format=vtt`)).text();
    expect(vtt).toMatch(/<v [AB]>/);
  });

  it('refuses a model that makes no vocals, and one of another task', async () => {
    const wrong = await send('/v1/audio/pipelines', { separation_model: 'stand-in' });
    expect(await errorOf(wrong)).toMatchObject({ status: 400, param: 'model' });
  });
});
