/** H: webhooks of jobs, as a customer sets them up and receives them. */
import OpenAI from 'openai';
import { expect, it, onTestFinished } from 'vitest';
import type { Job } from '../../backend/src/contract/jobs.ts';
import type {
  NewWebhookSecret,
  WebhookDeliveryDetail,
  WebhookDeliveryList,
  WebhookTest,
} from '../../backend/src/contract/webhooks.ts';
import { startServer } from '../outbound/local-server.ts';
import { wav } from '../support/wav.ts';
import { errorOf, eventually, type FormValues, json, startApi } from './start-api.ts';

async function open(env: Record<string, string>) {
  const api = await startApi({ env });
  onTestFinished(() => api.close());
  const makeSecret = async () => json<NewWebhookSecret>(await api.fetch('/v1/webhooks/secrets', { method: 'POST' }));
  const submit = (values: FormValues) =>
    api.transcribe(
      { file: new File([wav(1, 100)], 'a.wav'), prompt: 'say:private-words', ...values },
      { headers: { prefer: 'respond-async' } },
    );
  return { ...api, makeSecret, submit };
}

it('H4 a job tells its URL that it is done, and the official client believes it', async () => {
  const server = await startServer((response) => void response.writeHead(204).end());
  const { fetch, makeSecret, submit } = await open({ WEBHOOK_ALLOW_PRIVATE: 'true' });
  const values = { webhook_url: `${server.url}/hook` };
  expect(await errorOf(await submit(values))).toMatchObject({ status: 400, param: 'webhook_url' });
  const { secret } = await makeSecret();
  const job = await json<Job>(await submit(values));
  await eventually(() => expect(server.requests).toHaveLength(1));
  const { body = '', headers = {} } = server.requests[0] ?? {};
  expect(body).not.toContain('private-words');
  const { webhooks } = new OpenAI({ apiKey: 'not-used' });
  expect(await webhooks.unwrap(body, headers, secret)).toMatchObject({ type: 'job.succeeded', data: { id: job.id } });
  await eventually(async () => {
    const listed = await json<WebhookDeliveryList>(await fetch(`/v1/webhooks/deliveries?job_id=${job.id}`));
    expect(listed.data).toMatchObject([{ id: headers['webhook-id'], status: 'delivered', last_status: 204 }]);
  });
});

it('a job is not taken whose URL is not public, or not HTTPS', async () => {
  const { makeSecret, submit } = await open({});
  await makeSecret();
  for (const url of ['https://127.0.0.1/hook', 'https://10.0.0.1/', 'http://hooks.example/']) {
    const refused = { status: 400, code: 'url_not_allowed', param: 'webhook_url' };
    expect(await errorOf(await submit({ webhook_url: url })), url).toMatchObject(refused);
  }
});

it('a delivery shows what was sent', async () => {
  const server = await startServer((response) => void response.writeHead(500).end());
  const { fetch, makeSecret, submit } = await open({ WEBHOOK_ALLOW_PRIVATE: 'true' });
  await makeSecret();
  await submit({ webhook_url: `${server.url}/hook` });
  await eventually(() => expect(server.requests).toHaveLength(1));
  const { body, headers } = server.requests[0] ?? {};
  const detail = () => fetch(`/v1/webhooks/deliveries/${headers?.['webhook-id']}`);
  await eventually(async () => expect(await json(await detail())).toMatchObject({ last_status: 500 }));
  expect(await json<WebhookDeliveryDetail>(await detail())).toMatchObject({
    payload: body,
    status: 'pending',
    attempts: 1,
  });
});

it('a test is sent at once, signed as the others, and answered with what became of it', async () => {
  let status = 204;
  const server = await startServer((response) => void response.writeHead(status).end());
  const { fetch, makeSecret } = await open({ WEBHOOK_ALLOW_PRIVATE: 'true' });
  const test = (body: object) => fetch('/v1/webhooks/test', { method: 'POST', body: JSON.stringify(body) });
  const url = `${server.url}/hook`;
  // Without a secret, and without a URL.
  expect(await errorOf(await test({ url }))).toMatchObject({ status: 400 });
  const { secret } = await makeSecret();
  expect(await errorOf(await test({}))).toMatchObject({ status: 400, param: 'url' });
  expect(server.requests).toHaveLength(0);
  const sent = await json<WebhookTest>(await test({ url }));
  expect(sent).toMatchObject({ delivered: true, status: 204, error: null, url });
  const { body = '', headers = {} } = server.requests[0] ?? {};
  expect(body).toBe(sent.payload);
  expect(headers['webhook-id']).toBe(sent.id);
  const { webhooks } = new OpenAI({ apiKey: 'not-used' });
  expect(await webhooks.unwrap(body, headers, secret)).toMatchObject({ type: 'webhook.test', data: {} });
  status = 503;
  expect(await json(await test({ url }))).toMatchObject({ delivered: false, status: 503, error: 'it answered 503' });
  expect(await json(await test({ url: 'http://127.0.0.1:1/' }))).toMatchObject({ delivered: false, status: null });
  expect((await json<WebhookDeliveryList>(await fetch('/v1/webhooks/deliveries'))).data).toEqual([]);
  expect(server.requests).toHaveLength(2);
});

it('a test goes nowhere that a webhook may not go', async () => {
  const { fetch, makeSecret } = await open({});
  await makeSecret();
  for (const url of ['https://127.0.0.1/hook', 'http://hooks.example/', 'file:///etc/passwd']) {
    const answer = await fetch('/v1/webhooks/test', { method: 'POST', body: JSON.stringify({ url }) });
    expect((await errorOf(answer)).status, url).toBe(400);
  }
});
