/** Source separation over HTTP, by a model whose stems are known shares of what it hears. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { AdminModel } from '../../backend/src/contract/admin.ts';
import type { Job } from '../../backend/src/contract/jobs.ts';
import type { separationJson } from '../../backend/src/contract/separation.ts';
import { type FakeHub, startFakeHub } from '../support/fake-hub.ts';
import { shareGraph } from '../support/share-graph.ts';
import { tempDir } from '../support/temp-dir.ts';
import { wav, wavOf } from '../support/wav.ts';
import { type Api, errorOf, eventually, type FormValues, json, startApi, toForm } from './start-api.ts';

const run = promisify(execFile);
const MODEL = 'shares';
const SHARES = { drums: 0.1, bass: 0.2, other: 0.3, vocals: 0.4 };
/** 3 s at 16 kHz in stereo, zero in the mean: the model's shares are of what is left without it. */
const SONG = stereoWav(3, (i, channel) => {
  const at = (2 * Math.PI * i) / 16_000;
  return 0.3 * Math.sin(100 * at) + (channel === 0 ? 0.2 : -0.1) * Math.sin(250 * at);
});

function stereoWav(seconds: number, sample: (i: number, channel: number) => number): Buffer<ArrayBuffer> {
  const file = wavOf(Float32Array.from({ length: 2 * 16_000 * seconds }, (_, i) => sample(i >> 1, i % 2)));
  file.writeUInt16LE(2, 22);
  file.writeUInt32LE(64_000, 28);
  file.writeUInt16LE(4, 32);
  return file;
}

type Separation = z.infer<typeof separationJson>;

let hub: FakeHub;
let api: Api;
beforeAll(async () => {
  const graph = shareGraph(Object.values(SHARES), 44_100);
  hub = await startFakeHub({ repos: { 'tests/shares': { 'htdemucs.onnx': graph } } });
  api = await startApi({ env: { HF_ENDPOINT: hub.url } });
  const added = await api.fetch('/api/admin/models', {
    method: 'POST',
    headers: { authorization: `Bearer ${api.app.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id: MODEL, family: 'demucs', repo: 'tests/shares' }),
  });
  expect(added.status).toBe(201);
  // Nobody stated its licence.
  const path = `/api/admin/models/${MODEL}/confirm-license`;
  const headers = { authorization: `Bearer ${api.app.adminKey}` };
  expect((await api.fetch(path, { method: 'POST', headers })).status).toBe(200);
});
afterAll(async () => {
  await api.close();
  await hub.close();
});

const separate = (values: FormValues = {}): Promise<Response> =>
  api.fetch('/v1/audio/separations', {
    method: 'POST',
    body: toForm({ file: new File([SONG], 'song.wav'), model: MODEL, ...values }),
  });

/** Samples [frames, 2] of an encoded file. */
async function decoded(content: Buffer): Promise<Float32Array> {
  const path = join(await tempDir(), 'stem');
  await writeFile(path, content);
  const args = ['-v', 'error', '-i', path, '-f', 'f32le', '-ac', '2', '-ar', '44100', `${path}.f32`];
  await run('ffmpeg', args);
  const bytes = await readFile(`${path}.f32`);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

const fetched = async (path: string): Promise<Buffer> => Buffer.from(await (await api.fetch(path)).arrayBuffer());

const power = (samples: Float32Array): number => samples.reduce((sum, sample) => sum + sample * sample, 0);

it('answers with a file for each stem, which together are the recording', async () => {
  const response = await separate({ output_format: 'wav_float' });
  expect(response.status).toBe(200);
  const answer = await json<Separation>(response);
  expect(answer).toMatchObject({ object: 'separation', model: MODEL, duration: 3, sample_rate: 44_100 });
  expect(answer.stems.map(({ stem }) => stem)).toEqual(Object.keys(SHARES));
  const mix = await decoded(SONG);
  for (const { stem, url, bytes, content_type, clipped_samples, loudness_lufs, peak_dbfs } of answer.stems) {
    const content = await fetched(url);
    expect([content.length, content_type, clipped_samples]).toEqual([bytes, 'audio/wav', 0]);
    expect(loudness_lufs).toBeLessThan(0);
    expect(peak_dbfs).toBeLessThan(0);
    const samples = await decoded(content);
    expect(samples.length).toBe(mix.length);
    const share = SHARES[stem as keyof typeof SHARES];
    expect(Math.sqrt(power(samples.map((sample, i) => sample - share * (mix[i] ?? 0))) / power(mix))).toBeLessThan(
      1e-3,
    );
  }
  expect(answer.residual_db).toBeLessThan(-60);
});

it('makes the stems that are asked for, and the instrumental of the vocals’ rest', async () => {
  const answer = await json<Separation>(await separate({ stems: 'vocals,instrumental', output_format: 'flac' }));
  expect(answer.stems.map(({ stem, content_type }) => [stem, content_type])).toEqual([
    ['vocals', 'audio/flac'],
    ['instrumental', 'audio/flac'],
  ]);
  expect(answer.residual_db).toBeNull();
  const [vocals, instrumental] = await Promise.all(answer.stems.map(async ({ url }) => decoded(await fetched(url))));
  const mix = await decoded(SONG);
  const rest = mix.map((sample, i) => Math.abs(sample - (vocals?.[i] ?? 0) - (instrumental?.[i] ?? 0)));
  expect(rest.reduce((most, value) => Math.max(most, value), 0)).toBeLessThan(1e-5);
});

it.each(['wav', 'wav_24', 'mp3', 'opus'])('writes %s', async (format) => {
  const { stems } = await json<Separation>(await separate({ 'stems[]': ['drums'], output_format: format }));
  const samples = await decoded(await fetched(stems[0]?.url ?? ''));
  expect(Math.abs(samples.length / 2 - 3 * 44_100)).toBeLessThan(3000);
});

it('gives all of it in one zip', async () => {
  const response = await separate({ response_format: 'zip', output_format: 'mp3', stems: ['drums', 'bass'] });
  expect(response.headers.get('content-type')).toBe('application/zip');
  const path = join(await tempDir(), 'stems.zip');
  await writeFile(path, Buffer.from(await response.arrayBuffer()));
  const { stdout } = await run('python3', ['-m', 'zipfile', '-t', path]).catch(() => ({ stdout: 'no python' }));
  expect(['Done testing\n', 'no python']).toContain(stdout);
  expect((await readFile(path)).includes('bass.mp3')).toBe(true);
});

it('audio of more than a minute is a job, unless the caller waits; its stages are told', async () => {
  const long = new File([wav(61)], 'long.wav');
  const response = await separate({ file: long, stems: 'bass' });
  expect(response.status).toBe(202);
  const { id } = await json<Job>(response);
  await eventually(async () => {
    expect((await json<Job>(await api.fetch(`/v1/jobs/${id}`))).status).toBe('succeeded');
  });
  const job = await json<Job>(await api.fetch(`/v1/jobs/${id}`));
  expect(job.artifacts.map(({ name }) => name)).toEqual(expect.arrayContaining(['bass.wav', 'result.json']));
  expect(await (await api.fetch(`/v1/jobs/${id}/events`)).text()).toContain('"stage":"separation"');
  const result = await json<Separation>(await api.fetch(`/v1/jobs/${id}/result`));
  expect(result).toMatchObject({ id, duration: 61, stems: [{ stem: 'bass' }] });
  const waited = await separate({ file: long, stems: 'bass', background: 'false' });
  expect(waited.status).toBe(200);
});

it('takes two hours as a job, and gives them up at once when it is cancelled', async () => {
  const path = join(await tempDir(), 'long.flac');
  await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'anullsrc=r=8000:cl=mono:d=7200', path]);
  const response = await separate({ file: new File([await readFile(path)], 'long.flac'), stems: 'bass' });
  expect(response.status).toBe(202);
  const { id } = await json<Job>(response);
  await eventually(async () => {
    expect((await json<Job>(await api.fetch(`/v1/jobs/${id}`))).status).toBe('running');
  });
  const cancelled = await json<Job>(await api.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST' }));
  expect(cancelled.status).toBe('cancelled');
  expect(cancelled.artifacts.map(({ name }) => name)).toEqual(['manifest.json']);
});

it.each([
  ['silence', new Float32Array(16_000)],
  ['50 ms', new Float32Array(800).fill(0.1)],
  ['clipped audio', Float32Array.from({ length: 32_000 }, (_, i) => (Math.sin(i / 30) > 0 ? 1 : -1))],
])('answers %s', async (name, samples) => {
  const response = await separate({ file: new File([wavOf(samples)], 'a.wav') });
  if (name === '50 ms') {
    expect(await errorOf(response)).toMatchObject({ status: 400, code: 'audio_too_short' });
    return;
  }
  expect(response.status).toBe(200);
  const { stems } = await json<Separation>(response);
  if (name === 'silence') expect(stems.every(({ peak_dbfs: peak }) => peak === null)).toBe(true);
});

it.each([
  [{ 'stems[]': ['guitar'] }, 'stems'],
  [{ stems: 'flute' }, 'stems'],
  [{ output_format: 'aac' }, 'output_format'],
  [{ shifts: '11' }, 'shifts'],
  [{ response_format: 'rttm' }, 'response_format'],
  [{ model: 'zipformer-gigaspeech-3.3m' }, 'model'],
] as [FormValues, string][])('refuses %j, naming %s', async (values, param) => {
  const response = await separate(values);
  const body = await json<{ error: { message: string; param: string } }>(response);
  expect([response.status, body.error.param]).toEqual([400, param]);
  if ('stems[]' in values) expect(body.error.message).toContain('drums, bass, other, vocals, instrumental');
});

describe('with two replicas', () => {
  const admin = (path: string, body?: object) =>
    api.fetch(`/api/admin/models${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${api.app.adminKey}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
  const replicas = async () => {
    const { data } = await json<{ data: AdminModel[] }>(await admin(''));
    return data.find(({ id }) => id === MODEL)?.replicas ?? [];
  };
  const bothReady = () =>
    eventually(async () => {
      expect((await replicas()).map(({ state }) => state)).toEqual(['ready', 'ready']);
    });
  /** 45 s, no two of them alike. */
  const song = new File(
    [stereoWav(45, (i, channel) => 0.3 * Math.sin(i / 9 + (i / 90_000) ** 2) + (channel === 0 ? 0.1 : 0))],
    'song.wav',
  );
  const form = {
    ...{ file: song, stems: 'vocals,instrumental', output_format: 'wav_float' },
    ...{ shifts: '1', cache: 'false', background: 'true' },
  };
  const finished = async (id: string): Promise<Separation> => {
    // It ends with the job.
    await (await api.fetch(`/v1/jobs/${id}/events`)).text();
    return json<Separation>(await api.fetch(`/v1/jobs/${id}/result`));
  };
  const contents = (answer: Separation) => Promise.all(answer.stems.map(({ url }) => fetched(url)));
  const levels = ({ stems, residual_db }: Separation) => [stems.map(({ url: _, ...stem }) => stem), residual_db];

  let alone: Separation;
  beforeAll(async () => {
    alone = await finished((await json<Job>(await separate(form))).id);
    const order = { gpu_device_ids: ['cpu'], replicas_per_gpu: 2 };
    expect((await admin(`/${MODEL}/load`, order)).status).toBe(202);
    await bothReady();
  });

  it('both work on one track, and what they make is the same to the bit', async () => {
    const { id } = await json<Job>(await separate(form));
    await eventually(async () => {
      expect((await replicas()).map(({ in_flight: busy }) => busy)).toEqual([1, 1]);
    });
    const together = await finished(id);
    expect(together.duration).toBe(45);
    expect(levels(together)).toEqual(levels(alone));
    const [one, other] = [await contents(alone), await contents(together)];
    expect(other.map((file, i) => file.equals(one[i] ?? Buffer.alloc(0)))).toEqual([true, true]);
  });

  it('one that dies costs its part, which the other one does', async () => {
    const { id } = await json<Job>(await separate(form));
    const killed = await eventually(async () => {
      expect((await json<Job>(await api.fetch(`/v1/jobs/${id}`))).progress.stage).toBe('separation');
      const replica = (await replicas()).find(({ in_flight: busy, pid }) => busy > 0 && pid !== null);
      expect(replica).toBeDefined();
      return replica?.pid ?? 0;
    });
    process.kill(killed, 'SIGKILL');
    const together = await finished(id);
    const [one, other] = [await contents(alone), await contents(together)];
    expect(other.map((file, i) => file.equals(one[i] ?? Buffer.alloc(0)))).toEqual([true, true]);
    const manifest = await json<{ job: { attempts: number } }>(
      await api.fetch(`/v1/jobs/${id}/artifacts/manifest.json`),
    );
    expect(manifest.job.attempts).toBe(1);
    await bothReady();
  });

  it('ends at once when it is cancelled, and leaves nothing', async () => {
    const { id } = await json<Job>(await separate(form));
    await eventually(async () => {
      expect((await json<Job>(await api.fetch(`/v1/jobs/${id}`))).progress.stage).toBe('separation');
    });
    expect((await api.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST' })).status).toBe(200);
    await eventually(async () => {
      expect((await replicas()).map(({ in_flight: busy }) => busy)).toEqual([0, 0]);
    });
  });
});
