/** `/v1/webhooks/*`: every answer as the OpenAPI document says, and everybody sees their own only. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ANONYMOUS } from '../../backend/src/contract/keys.ts';
import type { NewWebhookSecret, WebhookDelivery, WebhookDeliveryList } from '../../backend/src/contract/webhooks.ts';
import type { AuditEvent } from '../../backend/src/http/admin/audited.ts';
import { adminWebhookRoutes } from '../../backend/src/http/admin/webhooks.ts';
import { errorHandler, unknownUrl } from '../../backend/src/http/error-handler.ts';
import { openApiRoute } from '../../backend/src/http/openapi.ts';
import { contextOf, requestContext } from '../../backend/src/http/request-context.ts';
import { expressPattern, requestHandler } from '../../backend/src/http/route.ts';
import { webhookDeliveryRoutes } from '../../backend/src/http/webhooks/deliveries.ts';
import { webhookSecretRoutes } from '../../backend/src/http/webhooks/secrets.ts';
import { publicJobId } from '../../backend/src/jobs/job-id.ts';
import { OWNER, openHarness } from '../jobs/webhook-harness.ts';
import { checkApi } from '../support/openapi-check.ts';
import { silentLog } from '../support/silent-log.ts';

const OPERATOR = 'key_of_an_operator';

async function openApi() {
  const harness = await openHarness();
  const events: AuditEvent[] = [];
  const options = {
    webhooks: harness.service,
    ownerOf: (response: express.Response) => String(response.req.headers.owner),
  };
  const audit = { append: async (event: AuditEvent) => void events.push(event) };
  const routes = [
    ...webhookSecretRoutes(options),
    ...webhookDeliveryRoutes(options),
    ...adminWebhookRoutes({ webhooks: harness.service, audit }),
  ];
  const app = express()
    .use(requestContext(silentLog))
    .use((_request, response, next) => {
      contextOf(response).principal = { ...ANONYMOUS, id: OPERATOR, role: 'admin' };
      next();
    });
  for (const route of [...routes, openApiRoute(routes, '1')])
    app[route.method](expressPattern(route), requestHandler(route));
  const server = app.use(unknownUrl).use(errorHandler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { fetch, document } = await checkApi({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

  async function ask<T = unknown>(
    method: string,
    path: string,
    { owner = OWNER, body }: { owner?: string; body?: unknown } = {},
  ) {
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(path, { method, headers: { owner }, body: text });
    return { status: response.status, headers: response.headers, body: (await response.json()) as T };
  }
  return { ...harness, ask, document, events };
}

const codeOf = (body: unknown) => (body as { error: { code: string; param: string | null } }).error;

describe('/v1/webhooks/secrets', () => {
  it('makes a secret, shows it once, rotates and deletes it', async () => {
    const { ask } = await openApi();
    const first = await ask<NewWebhookSecret>('POST', '/v1/webhooks/secrets');
    expect(first.status).toBe(201);
    expect(first.headers.get('cache-control')).toBe('no-store');
    expect(first.body).toEqual({
      id: expect.stringMatching(/^whs_[0-9a-f]{32}$/),
      object: 'webhook.secret',
      created_at: expect.closeTo(Date.now() / 1000, -2),
      expires_at: null,
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    });
    const { secret, ...shown } = first.body;
    const listed = await ask('GET', '/v1/webhooks/secrets');
    expect(listed.body).toEqual({ object: 'list', data: [shown], has_more: false });
    expect(JSON.stringify(listed.body)).not.toContain(secret.slice(-20));

    const second = await ask<NewWebhookSecret>('POST', '/v1/webhooks/secrets', { body: { expires_in_seconds: 60 } });
    const { body: both } = await ask<{ data: unknown[] }>('GET', '/v1/webhooks/secrets');
    expect(both.data).toEqual([
      { ...second.body, secret: undefined },
      { ...shown, expires_at: expect.closeTo(Date.now() / 1000 + 60, -1) },
    ]);
    const third = await ask('POST', '/v1/webhooks/secrets');
    expect([third.status, codeOf(third.body).code]).toEqual([409, 'webhook_secret_limit']);

    const path = `/v1/webhooks/secrets/${first.body.id}`;
    expect((await ask('DELETE', path, { owner: 'key_3' })).status).toBe(404);
    expect((await ask('DELETE', path)).body).toEqual({ id: first.body.id, object: 'webhook.secret', deleted: true });
    expect(codeOf((await ask('DELETE', path)).body).code).toBe('webhook_secret_not_found');
    expect((await ask('GET', '/v1/webhooks/secrets', { owner: 'key_3' })).body).toMatchObject({ data: [] });
  });

  it('the one before lasts a day unless it is said otherwise', async () => {
    const { ask } = await openApi();
    await ask('POST', '/v1/webhooks/secrets');
    await ask('POST', '/v1/webhooks/secrets');
    const { body } = await ask<{ data: { expires_at: number | null }[] }>('GET', '/v1/webhooks/secrets');
    expect(body.data[1]?.expires_at).toBeCloseTo(Date.now() / 1000 + 86_400, -1);
  });

  it.each([
    [{ expires_in_seconds: -1 }, 'expires_in_seconds'],
    [{ expires_in_seconds: 7 * 86_400 + 1 }, 'expires_in_seconds'],
    [{ expires_in_seconds: '60' }, 'expires_in_seconds'],
    [{ expires_in: 60 }, 'expires_in'],
    ['[]', null],
    ['{', null],
  ])('%j is refused', async (body, param) => {
    const { ask } = await openApi();
    const answer = await ask('POST', '/v1/webhooks/secrets', { body });
    expect([answer.status, codeOf(answer.body).param]).toEqual([400, param]);
    expect((await ask('GET', '/v1/webhooks/secrets')).body).toMatchObject({ data: [] });
  });
});

describe('/v1/webhooks/deliveries', () => {
  it('come in pages, newest first, by job and by status, to their owner alone', async () => {
    const { ask, addJob, endJob } = await openApi();
    const jobs = [];
    for (let count = 0; count < 5; count++) {
      const job = await addJob('https://hooks.example/');
      await endJob(job);
      jobs.push(publicJobId(job.id));
    }
    const foreign = await addJob('https://hooks.example/', 'key_3');
    await endJob(foreign);
    const newestFirst = jobs.toReversed();
    const list = async (query: string) =>
      (await ask<WebhookDeliveryList>('GET', `/v1/webhooks/deliveries${query}`)).body;
    const jobsIn = ({ data }: WebhookDeliveryList) => data.map(({ job_id }) => job_id);

    const all = await list('');
    expect(jobsIn(all)).toEqual(newestFirst);
    expect(all).toMatchObject({ first_id: all.data[0]?.id, last_id: all.data[4]?.id, has_more: false });
    const page = await list('?limit=2');
    expect([jobsIn(page), page.has_more]).toEqual([newestFirst.slice(0, 2), true]);
    const next = await list(`?limit=3&after=${page.last_id}`);
    expect([jobsIn(next), next.has_more]).toEqual([newestFirst.slice(2), false]);
    expect(jobsIn(await list(`?job_id=${jobs[1]}`))).toEqual([jobs[1]]);
    expect(jobsIn(await list(`?job_id=${publicJobId(foreign.id)}`))).toEqual([]);
    expect(await list('?job_id=nonsense')).toMatchObject({ data: [], first_id: null, last_id: null, has_more: false });
    expect(jobsIn(await list('?status=dead'))).toEqual([]);
    expect(jobsIn(await list('?status=pending'))).toEqual(newestFirst);
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'status=none'])('?%s is refused', async (query) => {
    const { ask } = await openApi();
    const answer = await ask('GET', `/v1/webhooks/deliveries?${query}`);
    expect([answer.status, codeOf(answer.body).param]).toEqual([400, query.split('=')[0]]);
  });

  it('are replayed and cancelled by their owner alone', async () => {
    const { ask, addJob, endJob } = await openApi();
    await endJob(await addJob('https://hooks.example/'));
    const { body } = await ask<WebhookDeliveryList>('GET', '/v1/webhooks/deliveries');
    const path = `/v1/webhooks/deliveries/${body.first_id}`;
    for (const action of ['replay', 'cancel']) {
      const refused = await ask('POST', `${path}/${action}`, { owner: 'key_3' });
      expect([refused.status, codeOf(refused.body).code]).toEqual([404, 'webhook_delivery_not_found']);
      const unknown = await ask('POST', `/v1/webhooks/deliveries/msg_1/${action}`);
      expect([unknown.status, codeOf(unknown.body).code]).toEqual([404, 'webhook_delivery_not_found']);
    }
    const cancelled = await ask<WebhookDelivery>('POST', `${path}/cancel`);
    expect(cancelled.body).toMatchObject({ id: body.first_id, status: 'cancelled', next_attempt_at: null });
    const replayed = await ask<WebhookDelivery>('POST', `${path}/replay`);
    expect(replayed.body).toMatchObject({ id: body.first_id, status: 'pending', attempts: 0 });
    const after = await ask('GET', `/v1/webhooks/deliveries?after=msg_1`);
    expect(after.status).toBe(404);
  });
});

describe('/api/admin/webhooks/deliveries', () => {
  it('are those of every key, or of one, and are replayed and cancelled, which is noted', async () => {
    const { ask, addJob, endJob, events } = await openApi();
    for (const owner of [OWNER, 'key_3']) await endJob(await addJob('https://hooks.example/', owner));
    const list = async (query = '') =>
      (await ask<WebhookDeliveryList>('GET', `/api/admin/webhooks/deliveries${query}`)).body;
    expect((await list()).data.map(({ owner }) => owner)).toEqual(['key_3', OWNER]);
    const theirs = (await list('?owner=key_3')).data;
    expect(theirs.map(({ owner }) => owner)).toEqual(['key_3']);
    expect((await list(`?after=${theirs[0]?.id}`)).data.map(({ owner }) => owner)).toEqual([OWNER]);
    expect((await list('?owner=key_of_nobody')).data).toEqual([]);

    const path = `/api/admin/webhooks/deliveries/${theirs[0]?.id}`;
    expect((await ask<WebhookDelivery>('GET', path)).body).toMatchObject({
      owner: 'key_3',
      payload: expect.stringContaining(theirs[0]?.job_id ?? ''),
    });
    for (const [action, status] of [
      ['cancel', 'cancelled'],
      ['replay', 'pending'],
    ]) {
      expect((await ask<WebhookDelivery>('POST', `${path}/${action}`)).body).toMatchObject({ status });
    }
    expect((await ask('POST', '/api/admin/webhooks/deliveries/msg_1/replay')).status).toBe(404);
    expect(events.every(({ actor }) => actor === OPERATOR)).toBe(true);
    expect(events.map(({ action, result }) => [action, result])).toEqual([
      ['webhook.cancel', 'success'],
      ['webhook.replay', 'success'],
      ['webhook.replay', 'failure'],
    ]);
  });
});

it('the document describes the webhooks themselves', async () => {
  const { document } = await openApi();
  expect(document).toMatchObject({
    webhooks: {
      jobEnded: {
        post: {
          requestBody: {
            content: { 'application/json': { schema: { $ref: '#/components/schemas/JobWebhookEvent' } } },
          },
        },
      },
    },
  });
});
