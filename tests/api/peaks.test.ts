/** Outlines of waveforms over HTTP: right, bounded, made once, and gone with their job. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../backend/src/contract/jobs.ts';
import type { WaveformPeaks } from '../../backend/src/contract/peaks.ts';
import { wav, wavOf } from '../support/wav.ts';
import { type Api, errorOf, eventually, json, startApi } from './start-api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi({ env: { JOB_CONCURRENCY: '2', MAX_FILE_SIZE_MB: '64' } });
});
afterAll(() => api.close());

async function doneJob(audio: Buffer<ArrayBuffer>): Promise<string> {
  const { id } = await json<Job>(await api.transcribe({ file: new File([audio], 'a.wav'), background: 'true' }));
  await eventually(async () =>
    expect(await json(await api.fetch(`/v1/jobs/${id}`))).toMatchObject({ status: 'succeeded' }),
  );
  return id;
}
/** The same second again and again: made at once. */
function repeated(second: Buffer<ArrayBuffer>, times: number): Buffer<ArrayBuffer> {
  const content = Buffer.concat([second.subarray(0, 44), ...Array<Buffer>(times).fill(second.subarray(44))]);
  content.writeUInt32LE(content.length - 8, 4);
  content.writeUInt32LE(content.length - 44, 40);
  return content;
}
const peaksOf = async (id: string, query = '') => json<WaveformPeaks>(await api.fetch(`/v1/jobs/${id}/peaks${query}`));
const folderOf = (id: string) => {
  const uuid = id.replace('job_', '').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return join(api.app.dir, 'data', 'artifacts', 'jobs', uuid);
};

describe('GET /v1/jobs/{id}/peaks', () => {
  it('draws the audio, in the detail asked for and over the stretch asked for', async () => {
    // A second each of silence, half scale and full scale.
    const id = await doneJob(
      wavOf(Float32Array.from({ length: 48_000 }, (_, i) => (Math.floor(i / 16_000) / 2) * (i % 2 === 0 ? 1 : -1))),
    );
    expect(await peaksOf(id, '?points_per_second=1')).toEqual({
      version: 2,
      channels: 1,
      sample_rate: 16_000,
      samples_per_pixel: 16_000,
      bits: 8,
      length: 3,
      data: [0, 0, -64, 64, -128, 127],
      points_per_second: 1,
      start: 0,
      duration: 3,
    });
    const fine = await peaksOf(id, '?points_per_second=100&start=1&end=2');
    expect(fine).toMatchObject({ length: 100, samples_per_pixel: 160, start: 1, duration: 3 });
    expect(new Set(fine.data)).toEqual(new Set([-64, 64]));
    expect(await peaksOf(id)).toMatchObject({ length: 60, points_per_second: 20 });
    expect(await peaksOf(id, '?start=5')).toMatchObject({ length: 0, data: [] });
  });

  it('is made once, in no list, and gone with the job', async () => {
    const id = await doneJob(wav(2, 4321));
    const [one, two] = await Promise.all([peaksOf(id), peaksOf(id)]);
    expect(one).toEqual(two);
    expect((await readdir(folderOf(id))).filter((name) => name.includes('outline'))).toEqual(['input.outline']);
    const { artifacts } = await json<Job>(await api.fetch(`/v1/jobs/${id}`));
    expect(artifacts.map(({ name }) => name)).not.toContain('input.outline');
    expect((await api.fetch(`/v1/jobs/${id}/artifacts/input.outline`)).status).toBe(404);
    // The audio itself is not looked at any more.
    await rm(join(api.app.dir, 'data', 'artifacts', 'inputs'), { recursive: true });
    expect(await peaksOf(id)).toEqual(one);
    await api.fetch(`/v1/jobs/${id}`, { method: 'DELETE' });
    await expect(readdir(folderOf(id))).rejects.toThrow('ENOENT');
  });

  it('says what it cannot draw', async () => {
    const id = await doneJob(wav(1, 4322));
    const cases: [string, number, string][] = [
      ['source=result.json', 400, 'invalid_value'],
      ['source=none.wav', 404, 'artifact_not_found'],
      ['source=..%2F..%2Fdata', 404, 'artifact_not_found'],
      ['points_per_second=0', 400, 'invalid_value'],
      ['points_per_second=101', 400, 'invalid_value'],
      ['start=-1', 400, 'invalid_value'],
    ];
    for (const [query, status, code] of cases) {
      expect(await errorOf(await api.fetch(`/v1/jobs/${id}/peaks?${query}`)), query).toMatchObject({ status, code });
    }
  });

  it('stays below a megabyte for long audio, holding nobody up', async () => {
    const id = await doneJob(repeated(wav(1, 4323), 1500));
    let turns = 0;
    const turn = setInterval(() => (turns += 1), 1);
    const response = await api.fetch(`/v1/jobs/${id}/peaks?points_per_second=100`);
    clearInterval(turn);
    const text = await response.text();
    expect(text.length).toBeLessThan(1_000_000);
    const peaks: WaveformPeaks = JSON.parse(text);
    expect(peaks).toMatchObject({ points_per_second: 50, length: 75_000, duration: 1500 });
    // The gateway is in this process: it had its turn again and again while 25 minutes were decoded.
    expect(turns).toBeGreaterThan(100);
  });
});
