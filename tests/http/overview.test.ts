/** What the dashboard's first page shows, over a gateway with a fake model. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Overview } from '../../backend/src/contract/overview.ts';
import { type Api, eventually, json, startApi } from '../api/start-api.ts';
import { ADMIN_KEY } from '../support/start-app.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const overview = async () => {
  const response = await api.fetch('/api/admin/overview', { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  expect(response.status).toBe(200);
  return json<Overview>(response);
};

it('tells of traffic and failures by request id, and of health', async () => {
  const failed = await api.transcribe({ prompt: 'fail:internal_error' });
  expect(failed.status).toBeGreaterThanOrEqual(500);
  expect((await api.fetch('/v1/models')).status).toBe(200);
  await eventually(async () => {
    const { failures, traffic } = await overview();
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({
      kind: 'request',
      id: failed.headers.get('x-request-id'),
      route: '/v1/audio/transcriptions',
      model: 'fake/echo',
      status: failed.status,
    });
    expect(traffic.now.error_rate).toBe(0.5);
    expect(traffic.now.requests_per_second).toBeGreaterThan(0);
  });
  const { health, jobs, gpus } = await overview();
  expect(health).toMatchObject({ status: 'ok', checks: { database: { ok: true } } });
  expect(jobs).toEqual({ queued: 0, running: 0 });
  expect(gpus).toMatchObject({ state: 'unavailable', data: [] });
});

it("waits for no examination of the doctor's, and has its findings when there are some", async () => {
  const begun = performance.now();
  await overview();
  expect(performance.now() - begun).toBeLessThan(1_000);
  await eventually(async () => {
    const { doctor } = await overview();
    expect(doctor?.status).not.toBe('ok');
    expect(doctor?.findings.length).toBeGreaterThan(0);
    expect(doctor?.findings.map(({ status }) => status)).not.toContain('ok');
  });
  const [first, second] = [await overview(), await overview()];
  expect(first.doctor?.examined_at).toBe(second.doctor?.examined_at);
});
