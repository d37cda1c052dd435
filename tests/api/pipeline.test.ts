/** One call that takes the vocals out, writes them down and says who says what: three models, one of them a known share of what it hears. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { Job } from '../../backend/src/contract/jobs.ts';
import type { transcriptionVerboseJson } from '../../backend/src/contract/transcription.ts';
import { type FakeHub, startFakeHub } from '../support/fake-hub.ts';
import { readZip } from '../support/read-zip.ts';
import { shareGraph } from '../support/share-graph.ts';
import { describeWithShared, SHARED_ROOT, shared } from '../support/shared.ts';
import { standInEmbedding } from '../support/stand-in-embedding.ts';
import { wavOf } from '../support/wav.ts';
import { type Api, errorOf, eventually, type FormValues, json, startApi, toForm, USER_KEY } from './start-api.ts';

const OTHER_KEY = 'sk-of-another-user-in-the-tests';
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
    api = await startApi({ env: { HF_ENDPOINT: hub.url, OPENAI_API_KEYS: `${USER_KEY},${OTHER_KEY}` } });
    for (const [id, family, repo] of [
      ['stand-in', 'pyannote', 'tests/stand-in'],
      ['vocals', 'demucs', 'tests/vocals'],
    ]) {
      const added = await api.fetch('/api/admin/models', {
        method: 'POST',
        headers: { authorization: `Bearer ${api.app.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ id, family, repo, settings: { license: 'MIT' } }),
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

  it('gives the vocals, the rest and the words with their times as one bundle', async () => {
    const file = new File([await readFile(shared('audio/speech/jfk.wav'))], 'jfk.wav');
    const bundle = { file, response_format: 'karaoke', output_format: 'flac' };
    const response = await send('/v1/audio/pipelines', bundle);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/zip']);
    const files = readZip(Buffer.from(await response.arrayBuffer()));
    const names = ['vocals.flac', 'instrumental.flac', 'lyrics.lrc', 'lyrics.vtt'];
    expect([...files.keys()]).toEqual(names);
    expect(files.get('vocals.flac')?.toString('latin1', 0, 4)).toBe('fLaC');
    // All of it is the vocals: silence packs well.
    expect(files.get('instrumental.flac')?.length).toBeLessThan((files.get('vocals.flac')?.length ?? 0) / 10);

    const heard = await json<Verbose>(
      await send('/v1/audio/transcriptions', {
        ...{ file, response_format: 'verbose_json', separate_vocals: 'true', separation_model: 'vocals' },
        'timestamp_granularities[]': 'word',
      }),
    );
    const lrc = files.get('lyrics.lrc')?.toString() ?? '';
    const said = [...lrc.matchAll(/<(\d\d):(\d\d\.\d\d)>([^<\n]+)(?=<)/g)].map(([, minutes, seconds, text]) => ({
      word: text?.trim(),
      at: 60 * Number(minutes) + Number(seconds),
    }));
    expect(said.map(({ word }) => word)).toEqual(heard.words?.map(({ word }) => word));
    for (const [index, { at }] of said.entries()) expect(at).toBeCloseTo(heard.words?.[index]?.start ?? -1, 1);
    expect(lrc.split('\n').every((line) => line === '' || /^\[\d\d:\d\d\.\d\d\]</.test(line))).toBe(true);
    const vtt = files.get('lyrics.vtt')?.toString() ?? '';
    expect(vtt.match(/<00:00:\d\d\.\d{3}>(?=\S)/g)?.length).toBeGreaterThan(10);
    const lines = vtt.split('\n').filter((line) => line !== '' && line !== 'WEBVTT' && !line.includes('-->'));
    expect(lines.join(' ').replaceAll(/<[\d:.]+>/g, '')).toBe(heard.text);
  });

  it('leaves the bundle as artifacts of a job; of one that did not ask for it there is none', async () => {
    const finish = async (values: FormValues): Promise<Job> => {
      const { id } = await json<Job>(await send('/v1/audio/pipelines', { background: 'true', ...values }));
      return eventually(async () => {
        const job = await json<Job>(await api.fetch(`/v1/jobs/${id}`));
        expect(job.status).toBe('succeeded');
        return job;
      });
    };
    const job = await finish({ response_format: 'karaoke' });
    const names = ['vocals.wav', 'instrumental.wav', 'lyrics.lrc', 'lyrics.vtt'];
    expect(job.artifacts.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    const zip = await api.fetch(`/v1/jobs/${job.id}/result`);
    const files = readZip(Buffer.from(await zip.arrayBuffer()));
    for (const name of names) {
      const alone = await api.fetch(`/v1/jobs/${job.id}/artifacts/${name}`);
      expect(files.get(name)?.equals(Buffer.from(await alone.arrayBuffer()))).toBe(true);
    }
    expect((await api.fetch(`/v1/jobs/${job.id}/result?response_format=vtt`)).status).toBe(200);
    const other = await finish({ diarize: 'false' });
    const none = await api.fetch(`/v1/jobs/${other.id}/result?response_format=karaoke`);
    expect(await errorOf(none)).toMatchObject({ status: 400, param: 'response_format' });
  });

  it.each([
    ['/v1/audio/transcriptions', {}, 'response_format'],
    ['/v1/audio/pipelines', { separate_vocals: 'false' }, 'response_format'],
    ['/v1/audio/pipelines', { stream: 'true' }, 'stream'],
    ['/v1/audio/pipelines', { output_format: 'aac' }, 'output_format'],
    ['/v1/audio/translations', {}, 'response_format'],
  ] as [string, FormValues, string][])('refuses a bundle of %s with %j', async (path, values, param) => {
    const refused = await send(path, { response_format: 'karaoke', ...values });
    expect(await errorOf(refused)).toMatchObject({ status: 400, param });
  });

  it('refuses a model that makes no vocals, and one of another task', async () => {
    const wrong = await send('/v1/audio/pipelines', { separation_model: 'stand-in' });
    expect(await errorOf(wrong)).toMatchObject({ status: 400, param: 'model' });
  });

  describe('what the stages of an earlier job made', () => {
    /** Audio seconds that models worked on, by task. */
    const worked = async (): Promise<Record<string, number>> => {
      const headers = { authorization: `Bearer ${api.app.adminKey}` };
      const text = await (await api.fetch('/metrics', { headers })).text();
      const lines = text.matchAll(/^audio_gateway_audio_seconds_total\{.*task="(\w+)".*\} ([\d.]+)$/gm);
      const sums: Record<string, number> = {};
      for (const [, task = '', seconds] of lines) sums[task] = (sums[task] ?? 0) + Number(seconds);
      return sums;
    };
    /** Tasks that something was computed of, of a job that is done. */
    const computed = async (path: string, values: FormValues, key?: string) => {
      const before = await worked();
      const headers = key === undefined ? undefined : { authorization: `Bearer ${key}` };
      const init = { method: 'POST', body: toForm({ file: call, background: 'true', ...values }) };
      const { id } = await json<Job>(await api.fetch(path, { ...init, ...(headers && { headers }) }));
      // It ends with the job.
      await (await api.fetch(`/v1/jobs/${id}/events`, headers && { headers })).text();
      const job = await json<Job>(await api.fetch(`/v1/jobs/${id}`, headers && { headers }));
      expect(job.status).toBe('succeeded');
      const after = await worked();
      const tasks = Object.keys(after).filter((task) => after[task] !== before[task]);
      const get = (name: string) => api.fetch(`/v1/jobs/${id}/artifacts/${name}`, headers && { headers });
      return { job, tasks: tasks.sort(), get };
    };
    const stagesOf = async ({ get }: { get(name: string): Promise<Response> }) =>
      (await json<{ stages: { name: string; reused?: true }[] }>(await get('manifest.json'))).stages;
    const separation = { model: 'vocals', stems: 'vocals,drums' };

    // The second half of the call: the tests above have jobs of all of it.
    beforeAll(async () => {
      const samples = new Int16Array(await call.slice(44).arrayBuffer()).subarray(96_000);
      call = new File([wavOf(Float32Array.from(samples, (value) => value / 32_768))], 'call.wav');
    });

    it('is taken by jobs of the same key over the same audio, and computed for other keys', async () => {
      const first = await computed('/v1/audio/separations', separation);
      expect(first.tasks).toEqual(['separation']);
      const second = await computed('/v1/audio/pipelines', MODELS);
      expect(second.job.cached).toBe(false);
      expect(second.tasks).toEqual(['diarization', 'transcription']);
      expect((await stagesOf(second)).filter(({ reused }) => reused).map(({ name }) => name)).toEqual(['separation']);
      const [one, other] = await Promise.all([first.get('vocals.wav'), second.get('vocals.wav')]);
      expect(Buffer.from(await one.arrayBuffer()).equals(Buffer.from(await other.arrayBuffer()))).toBe(true);

      // The transcript of a pipeline that asks for another number of speakers, and those of a karaoke bundle's vocals.
      const third = await computed('/v1/audio/pipelines', { ...MODELS, num_speakers: '1' });
      expect(third.tasks).toEqual(['diarization']);
      const fourth = await computed('/v1/audio/transcriptions', {
        ...{ ...MODELS, separate_vocals: 'true', response_format: 'verbose_json' },
        'timestamp_granularities[]': 'word',
      });
      expect(fourth.tasks).toEqual([]);
      expect(fourth.job.cached).toBe(false);
      const [heard, again] = await Promise.all([second.get('transcription.json'), fourth.get('result.json')]);
      expect(await json(again)).toEqual(await json(heard));
      // An option of the separation, another model and a wish for none of it: each is computed.
      expect((await computed('/v1/audio/separations', { ...separation, shifts: '1' })).tasks).toEqual(['separation']);
      expect((await computed('/v1/audio/pipelines', { ...MODELS, cache: 'false' })).tasks).toHaveLength(3);

      const foreign = await computed('/v1/audio/pipelines', MODELS, OTHER_KEY);
      expect(foreign.tasks).toEqual(['diarization', 'separation', 'transcription']);
    });

    it('is left by pipelines for single tasks', async () => {
      const alone = { model: 'stand-in' };
      await computed('/v1/audio/pipelines', { ...MODELS, separate_vocals: 'false' });
      const diarized = await computed('/v1/audio/diarizations', alone);
      expect([diarized.tasks, diarized.job.cached]).toEqual([[], false]);
      await computed('/v1/audio/pipelines', MODELS, OTHER_KEY);
      const separated = await computed('/v1/audio/separations', { model: 'vocals', stems: 'vocals' }, OTHER_KEY);
      expect([separated.tasks, separated.job.cached]).toEqual([[], false]);
    });

    it('goes with the jobs that have it', async () => {
      const { data } = await json<{ data: Job[] }>(await api.fetch('/v1/jobs?limit=100'));
      for (const { id } of data) expect((await api.fetch(`/v1/jobs/${id}`, { method: 'DELETE' })).status).toBe(200);
      const ofAnn = { ...separation, metadata: JSON.stringify({ user: 'ann' }) };
      expect((await computed('/v1/audio/separations', ofAnn)).tasks).toEqual(['separation']);
      const headers = { authorization: `Bearer ${api.app.adminKey}`, 'content-type': 'application/json' };
      const erase = { method: 'POST', headers, body: JSON.stringify({ user: 'ann' }) };
      expect((await api.fetch('/api/admin/gdpr/erase', erase)).status).toBe(200);
      expect((await computed('/v1/audio/pipelines', MODELS)).tasks).toHaveLength(3);
    });
  });
});
