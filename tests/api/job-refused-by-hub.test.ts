/** A job whose model the hub does not give: waiting would change nothing, so the caller hears of it at once. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Job } from '../../backend/src/contract/jobs.ts';
import { type FakeHub, startFakeHub } from '../support/fake-hub.ts';
import { shareGraph } from '../support/share-graph.ts';
import { wav } from '../support/wav.ts';
import { type Api, errorOf, json, startApi, toForm } from './start-api.ts';

const MODEL = 'shares';
const REPO = 'tests/shares';

let hub: FakeHub;
let api: Api;
beforeAll(async () => {
  hub = await startFakeHub({ repos: { [REPO]: { 'htdemucs.onnx': shareGraph([0.1, 0.2, 0.3, 0.4], 44_100) } } });
  api = await startApi({ env: { HF_ENDPOINT: hub.url } });
  const added = await api.fetch('/api/admin/models', {
    method: 'POST',
    headers: { authorization: `Bearer ${api.app.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id: MODEL, family: 'demucs', repo: REPO, settings: { license: 'MIT' } }),
  });
  expect(added.status).toBe(201);
});
afterAll(async () => {
  await api.close();
  await hub.close();
});

it('fails in its first attempt with the hub’s reason, and is done when it is tried again with access', async () => {
  const open = hub.faults.add({ kind: 'gated' }, { repo: REPO });
  const response = await api.fetch('/v1/audio/separations', {
    method: 'POST',
    body: toForm({ file: new File([wav(1)], 'song.wav'), model: MODEL }),
  });
  expect(await errorOf(response)).toMatchObject({ status: 502, code: 'hub_access_denied' });
  const [job] = (await json<{ data: Job[] }>(await api.fetch('/v1/jobs'))).data;
  expect(job).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'hub_access_denied' } });

  open();
  expect((await api.fetch(`/v1/jobs/${job?.id}/retry`, { method: 'POST' })).status).toBeLessThan(300);
  await expect.poll(async () => (await json<Job>(await api.fetch(`/v1/jobs/${job?.id}`))).status).toBe('succeeded');
});
