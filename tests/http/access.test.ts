/**
 * Every route × every kind of caller → the exact status. A route that is added without a row here fails the first test.
 * What a route answers to somebody who may come in is up to its own tests; here it is whatever its empty request gets.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../backend/src/contract/jobs.ts';
import type { ApiKeyWithSecret } from '../../backend/src/contract/keys.ts';
import { type Api, eventually, json, startApi } from '../api/start-api.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { wav } from '../support/wav.ts';

/** What each caller gets, in the order of CALLERS. */
type Row = readonly [
  none: Expected,
  wrong: Expected,
  revoked: Expected,
  expired: Expected,
  wrongScope: Expected,
  otherTenant: Expected,
  user: Expected,
  admin: Expected,
];
type Expected = `${number}` | `${number} ${string}`;

const CALLERS = ['none', 'wrong', 'revoked', 'expired', 'wrongScope', 'otherTenant', 'user', 'admin'] as const;

const open = (status: Expected): Row => [status, status, status, status, status, status, status, status];
/** Beside those with a bad key: whoever has a good one, and whoever has one without the scope. */
const forKeys = (good: Expected, wrongScope: Expected = good): Row => [
  '401 missing_api_key',
  '401 invalid_api_key',
  '401 api_key_revoked',
  '401 api_key_expired',
  wrongScope,
  good,
  good,
  good,
];
/** A job of the user: to everybody else, admins too, there is none. */
const forOwner = (own: Expected): Row => [
  ...(forKeys('404 job_not_found').slice(0, 6) as [Expected, Expected, Expected, Expected, Expected, Expected]),
  own,
  '404 job_not_found',
];
const NO_ADMIN = '403 admin_key_required';
const forAdmins = (admin: Expected): Row => [...forKeys(NO_ADMIN).slice(0, 7), admin] as unknown as Row;

/** `{model}` is one outside the scope of the key with the wrong scope, `{id}` and `{key}` ones that do not exist. */
const TABLE: Record<string, Row> = {
  'POST /v1/audio/transcriptions': forKeys('400 invalid_multipart', '403 insufficient_scope'),
  'POST /v1/audio/translations': forKeys('400 invalid_multipart', '403 insufficient_scope'),
  'POST /v1/audio/diarizations': forKeys('400 invalid_multipart', '403 insufficient_scope'),
  'POST /v1/audio/pipelines': forKeys('400 invalid_multipart', '403 insufficient_scope'),
  'POST /v1/audio/separations': forKeys('400 invalid_multipart', '403 insufficient_scope'),
  'POST /v1/speakers': forKeys('400 invalid_multipart', '403 insufficient_scope'),
  'GET /v1/speakers': forKeys('200', '403 insufficient_scope'),
  'GET /v1/speakers/{id}': forKeys('404 speaker_not_found', '403 insufficient_scope'),
  'DELETE /v1/speakers/{id}': forKeys('404 speaker_not_found', '403 insufficient_scope'),
  'POST /v1/evaluations': forKeys('400 invalid_value'),
  'GET /v1/key': forKeys('200'),
  'GET /v1/jobs': forKeys('200'),
  'GET /v1/jobs/{id}': forOwner('200'),
  'DELETE /v1/jobs/{id}': forOwner('200'),
  'POST /v1/jobs/{id}/cancel': forOwner('200'),
  'POST /v1/jobs/{id}/retry': forOwner('409 job_not_retryable'),
  'GET /v1/jobs/{id}/trace': forOwner('200'),
  'GET /v1/jobs/{id}/partial': forOwner('200'),
  'POST /v1/jobs/bulk': forKeys('400 invalid_value'),
  'GET /api/admin/jobs': forAdmins('200'),
  'POST /api/admin/jobs/bulk': forAdmins('400 invalid_value'),
  'GET /api/admin/jobs/{id}': forAdmins('404 job_not_found'),
  'GET /api/admin/jobs/{id}/trace': forAdmins('404 job_not_found'),
  'POST /api/admin/jobs/{id}/cancel': forAdmins('404 job_not_found'),
  'POST /api/admin/jobs/{id}/retry': forAdmins('404 job_not_found'),
  'DELETE /api/admin/jobs/{id}': forAdmins('404 job_not_found'),
  'GET /v1/jobs/{id}/result': forOwner('200'),
  'GET /v1/jobs/{id}/events': forOwner('200'),
  'GET /v1/jobs/{id}/artifacts/{name}': forOwner('200'),
  'POST /v1/jobs/{id}/artifacts/{name}/ticket': forOwner('201'),
  'GET /v1/jobs/{id}/peaks': forOwner('200'),
  'GET /v1/jobs/{id}/input': forOwner('200'),
  'POST /v1/jobs/{id}/input/ticket': forOwner('201'),
  'GET /v1/webhooks/secrets': forKeys('200'),
  'POST /v1/webhooks/secrets': forKeys('201'),
  'DELETE /v1/webhooks/secrets/{id}': forKeys('404 webhook_secret_not_found'),
  'GET /v1/webhooks/deliveries': forKeys('200'),
  'GET /v1/webhooks/deliveries/{id}': forKeys('404 webhook_delivery_not_found'),
  'POST /v1/webhooks/test': forKeys('400 invalid_value'),
  'POST /v1/webhooks/deliveries/{id}/replay': forKeys('404 webhook_delivery_not_found'),
  'POST /v1/webhooks/deliveries/{id}/cancel': forKeys('404 webhook_delivery_not_found'),
  'GET /api/admin/webhooks/deliveries': forAdmins('200'),
  'GET /api/admin/webhooks/deliveries/{id}': forAdmins('404 webhook_delivery_not_found'),
  'POST /api/admin/webhooks/deliveries/{id}/replay': forAdmins('404 webhook_delivery_not_found'),
  'POST /api/admin/webhooks/deliveries/{id}/cancel': forAdmins('404 webhook_delivery_not_found'),
  'GET /v1/models': forKeys('200'),
  'GET /v1/models/{model}': forKeys('200', '403 insufficient_scope'),
  'GET /api/admin/models': forAdmins('200'),
  'POST /api/admin/models/{key}/confirm-license': forAdmins('404 model_not_found'),
  'POST /api/admin/models': forAdmins('400 invalid_value'),
  'DELETE /api/admin/models/{key}': forAdmins('404 model_not_found'),
  'POST /api/admin/models/{key}/download': forAdmins('404 model_not_found'),
  'GET /api/admin/models/{key}': forAdmins('404 model_not_found'),
  'POST /api/admin/models/preflight': forAdmins('400 invalid_value'),
  'POST /api/admin/models/{key}/cancel-download': forAdmins('404 model_not_found'),
  'POST /api/admin/models/{key}/pause-download': forAdmins('404 model_not_found'),
  'DELETE /api/admin/models/{key}/artifacts': forAdmins('404 model_not_found'),
  'GET /api/admin/huggingface/token': forAdmins('200'),
  'POST /api/admin/huggingface/token': forAdmins('400 invalid_value'),
  'DELETE /api/admin/huggingface/token': forAdmins('200'),
  'GET /api/admin/events': forAdmins('200'),
  'GET /api/admin/status': forAdmins('200'),
  'GET /api/admin/settings': forAdmins('200'),
  'PATCH /api/admin/settings': forAdmins('200'),
  'POST /api/admin/huggingface/token/test': forAdmins('200'),
  'GET /api/admin/overview': forAdmins('200'),
  'POST /api/admin/placement/plan': forAdmins('400 invalid_value'),
  'POST /api/admin/models/{key}/load': forAdmins('400 invalid_value'),
  'POST /api/admin/models/{key}/unload': forAdmins('404 model_not_found'),
  'POST /api/admin/models/{key}/reload': forAdmins('404 model_not_found'),
  'POST /api/admin/models/{key}/replicas/{replica}/restart': forAdmins('404 model_not_found'),
  'GET /api/admin/gpus': forAdmins('200'),
  'GET /api/admin/gpus/history': forAdmins('200'),
  'GET /api/admin/gpus/{id}': forAdmins('503 gpu_unavailable'),
  'GET /api/admin/gpus/{id}/history': forAdmins('503 gpu_unavailable'),
  'GET /api/admin/host': forAdmins('200'),
  'POST /api/admin/keys': forAdmins('400 invalid_value'),
  'GET /api/admin/keys': forAdmins('200'),
  'GET /api/admin/keys/{id}': forAdmins('404 key_not_found'),
  'PATCH /api/admin/keys/{id}': forAdmins('404 key_not_found'),
  'POST /api/admin/keys/{id}/rotate': forAdmins('404 key_not_found'),
  'POST /api/admin/keys/{id}/revoke': forAdmins('404 key_not_found'),
  'GET /api/admin/keys/{id}/usage': forAdmins('404 key_not_found'),
  'GET /api/admin/audit': forAdmins('200'),
  'GET /api/admin/doctor': forAdmins('200'),
  'GET /api/admin/logs': forAdmins('200'),
  'GET /api/admin/usage': forAdmins('200'),
  'POST /api/admin/gdpr/erase': forAdmins('400 invalid_value'),
  'POST /api/admin/gdpr/export': forAdmins('400 invalid_value'),
  'GET /metrics': forAdmins('200'),
  'GET /health': open('200'),
  'GET /health/live': open('200'),
  'GET /health/ready': open('200'),
  'GET /openapi.json': open('200'),
};

describe('access', () => {
  let api: Api;
  const secrets: Partial<Record<(typeof CALLERS)[number], string>> = { wrong: 'sk-of-nobody-at-all', admin: ADMIN_KEY };
  beforeAll(async () => {
    api = await startApi();
    const make = async (body: object): Promise<ApiKeyWithSecret> => {
      const response = await send(
        'POST',
        '/api/admin/keys',
        ADMIN_KEY,
        JSON.stringify({ name: 'of the test', ...body }),
      );
      expect(response.status).toBe(201);
      return json<ApiKeyWithSecret>(response);
    };
    const revoked = await make({});
    await send('POST', `/api/admin/keys/${revoked.id}/revoke`, ADMIN_KEY);
    secrets.revoked = revoked.secret;
    secrets.expired = (await make({ expires_at: 1 })).secret;
    secrets.wrongScope = (await make({ scopes: { tasks: [], models: ['zipformer-gigaspeech-3.3m'] } })).secret;
    secrets.otherTenant = (await make({})).secret;
    secrets.user = (await make({})).secret;
  });
  afterAll(() => api.close());

  const send = (method: string, path: string, key: string | undefined, body?: string) => {
    const stop = new AbortController();
    // An authorization that is there, but empty, keeps the user key of `startApi` away.
    const headers = { authorization: key === undefined ? '' : `Bearer ${key}` };
    const answer = api.fetch(path, { method, headers, signal: stop.signal, ...(body === undefined ? {} : { body }) });
    return Object.assign(answer, { stop: () => stop.abort() });
  };

  /** A job that is done. */
  const jobOf = async (key: string | undefined): Promise<string> => {
    const headers = { authorization: `Bearer ${key}`, prefer: 'respond-async' };
    const response = await api.transcribe({ file: new File([wav(1)], 'a.wav'), prompt: 'say:mine' }, { headers });
    const { id } = await json<Job>(response);
    await eventually(async () => {
      const found = await send('GET', `/v1/jobs/${id}`, key);
      expect(await json(found)).toMatchObject({ status: 'succeeded' });
    });
    return id;
  };

  it('has a row for each route, and no row without one', () => {
    const routes = Object.entries(api.document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(Object.keys(TABLE).sort()).toEqual(routes.sort());
  });

  it.each(Object.entries(TABLE))('%s', async (route, row) => {
    const [method = '', template = ''] = route.split(' ');
    const id = template.startsWith('/v1/jobs/') ? await jobOf(secrets.user) : 'key_0123456789abcdef01234567';
    const path = template
      .replace('{model}', 'fake/echo')
      .replace('{key}', 'no-such')
      .replace('{id}', id)
      .replace('{name}', 'result.json');
    const found = [];
    for (const caller of CALLERS) {
      const request = send(method, path, secrets[caller]);
      const response = await request;
      const code = response.status < 400 ? '' : ` ${(await json<{ error: { code: string } }>(response)).error.code}`;
      found.push([caller, `${response.status}${code}`]);
      // An event stream has no end of its own.
      if (
        response.status < 400 &&
        path.startsWith('/api/') &&
        response.headers.get('content-type')?.startsWith('text/event-stream')
      )
        request.stop();
    }
    expect(found).toEqual(CALLERS.map((caller, index) => [caller, row[index]]));
  });
});
