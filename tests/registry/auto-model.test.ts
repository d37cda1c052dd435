/** What `whisper-1` means where the operator has not said: `auto`. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Job } from '../../backend/src/contract/jobs.ts';
import { type Api, json, startApi } from '../api/start-api.ts';
import { wav } from '../support/wav.ts';
import { TWO_MODELS_LIST } from './two-models.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi({ modelListUrl: TWO_MODELS_LIST });
});
afterAll(() => api.close());

/** Id of the model that a job is for which was asked for by OpenAI's name. */
async function taken(): Promise<string> {
  const file = new File([wav(1)], 'a.wav');
  const accepted = await api.transcribe({ file, model: 'whisper-1', background: 'true' });
  expect(accepted.status).toBe(202);
  return (await json<Job>(accepted)).model;
}

function act(action: 'load' | 'unload', model: string): Promise<Response> {
  return api.fetch(`/api/admin/models/${encodeURIComponent(model)}/${action}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.app.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(action === 'load' ? { gpu_device_ids: ['cpu'] } : {}),
  });
}

it('is the first model whose files are here, or one that an operator loaded, until that is unloaded', async () => {
  expect(await taken()).toBe('fake/echo');
  expect((await act('load', 'fake/silent')).status).toBe(202);
  expect(await taken()).toBe('fake/silent');
  expect((await act('unload', 'fake/silent')).status).toBe(200);
  expect(await taken()).toBe('fake/echo');
});

it('is a model to those who ask for it by that name alone', async () => {
  expect((await api.fetch('/v1/models/whisper-1')).status).toBe(200);
  expect((await api.fetch('/v1/models/auto')).status).toBe(404);
  const { data } = await json<{ data: { id: string }[] }>(await api.fetch('/v1/models'));
  expect(data.map(({ id }) => id)).not.toContain('auto');
});
