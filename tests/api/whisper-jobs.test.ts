/** A long file as a job on a Whisper model: what a kill of its worker leaves of the text. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { Job, JobEvent } from '../../backend/src/contract/jobs.ts';
import { describeWithShared } from '../support/shared.ts';
import { startWhisperApi, WHISPER } from '../support/whisper-api.ts';
import { writeLongAudio } from '../tools/bench/long-audio.ts';
import { type Api, json } from './start-api.ts';

describeWithShared('a long file as a job', () => {
  it('has the text of an undisturbed run when its worker was killed behind a window', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'audio-gateway-test-'));
    const api = await startWhisperApi();
    try {
      await writeLongAudio(join(dir, 'long.flac'), 50);
      const file = new File([await readFile(join(dir, 'long.flac'))], 'long.flac');
      const ask = async () => {
        const values = { file, model: WHISPER, language: 'en', temperature: '0.3', cache: 'false' };
        const response = await api.transcribe(values, { headers: { prefer: 'respond-async' } });
        expect(response.status).toBe(202);
        return json<Job>(response);
      };
      const whole = await ended(api, (await ask()).id);
      const { id } = await ask();
      await vi.waitFor(async () => expect((await job(api, id)).progress.processed_seconds).toBeGreaterThan(0), {
        timeout: 60_000,
        interval: 20,
      });
      process.kill(api.app.registry.describe(WHISPER)?.replicas[0]?.pid ?? Number.NaN, 'SIGKILL');
      const killed = await ended(api, id);
      expect(await textOf(api, killed)).toBe(await textOf(api, whole));
      const events = await eventsOf(api, id);
      expect(events.filter((event) => event.type === 'job.status' && event.status === 'running').length).toBe(2);
      const windows = (list: JobEvent[]) => list.filter(({ type }) => type === 'job.progress').length;
      expect(windows(events)).toBe(windows(await eventsOf(api, whole.id)));
      expect(windows(events)).toBeGreaterThan(1);
    } finally {
      await api.close();
      await rm(dir, { recursive: true, force: true });
    }
  }, 120_000);
});

const job = async (api: Api, id: string) => json<Job>(await api.fetch(`/v1/jobs/${id}`));

async function ended(api: Api, id: string): Promise<Job> {
  // The stream ends with the job.
  await eventsOf(api, id);
  const found = await job(api, id);
  expect(found.status).toBe('succeeded');
  return found;
}

async function eventsOf(api: Api, id: string): Promise<JobEvent[]> {
  const answer = await api.fetch(`/v1/jobs/${id}/events`);
  return [...(await answer.text()).matchAll(/^data: (.*)$/gm)].map(([, data = '']): JobEvent => JSON.parse(data));
}

async function textOf(api: Api, { id }: Job): Promise<string> {
  return (await api.fetch(`/v1/jobs/${id}/result?response_format=text`)).text();
}
