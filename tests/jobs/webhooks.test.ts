/** Webhooks of jobs, from the end of the job to the receiver: cases H4 and H5, retries, replay, secrets, several gateways. */
import { InvalidWebhookSignatureError } from 'openai';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { publicJobId } from '../../backend/src/jobs/job-id.ts';
import { WebhookService } from '../../backend/src/jobs/webhook-service.ts';
import type { Logger } from '../../backend/src/logger.ts';
import { createWebhookGuard } from '../../backend/src/outbound/deliver-webhook.ts';
import { MAX_ATTEMPTS, nextAttemptDelayMs } from '../../backend/src/outbound/retry-schedule.ts';
import { createSecretBox } from '../../backend/src/store/secret-box.ts';
import type { WebhookDeliveryStore } from '../../backend/src/store/webhook-deliveries.ts';
import { WebhookSecretStore } from '../../backend/src/store/webhook-secrets.ts';
import { type Handler, PRIVATE, startServer } from '../outbound/local-server.ts';
import { spawnScript } from '../support/spawn-script.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Harness, type JobEnd, OWNER, OWNER_WITH_URL, openHarness, unwrap } from './webhook-harness.ts';

const taken: Handler = (response) => void response.writeHead(204).end();
const broken: Handler = (response) => void response.writeHead(500).end('private words');
/** The real schedule's number of attempts, without its waits. */
const atOnce = { pollMs: 20, nextDelayMs: (failed: Parameters<typeof nextAttemptDelayMs>[0]) => nowOrNever(failed) };

function nowOrNever(failed: Parameters<typeof nextAttemptDelayMs>[0]): number | undefined {
  return nextAttemptDelayMs(failed) === undefined ? undefined : 0;
}

const deliveriesOf = async ({ service }: Harness, owner = OWNER) =>
  (await service.listDeliveries(owner, { limit: 100, after: undefined, jobId: undefined, status: undefined })).data;

async function onlyDelivery(harness: Harness, owner = OWNER) {
  const [delivery, ...others] = await deliveriesOf(harness, owner);
  if (delivery === undefined || others.length > 0) throw new Error(`${others.length} deliveries too many, or none`);
  return delivery;
}

const untilStatus = (harness: Harness, status: string, owner = OWNER) =>
  waitUntil(`all deliveries are ${status}`, async () => {
    const statuses = (await deliveriesOf(harness, owner)).map((delivery) => delivery.status);
    return statuses.length > 0 && statuses.every((one) => one === status);
  });

describe('a job that ends', () => {
  it.each<JobEnd>(['succeeded', 'failed', 'cancelled'])(
    'H4 %s: the official client unwraps its webhook',
    async (end) => {
      const harness = await openHarness();
      const { secret } = await harness.service.createSecret(OWNER, 0);
      const server = await startServer(taken);
      harness.startDispatcher();
      const job = await harness.addJob(`${server.url}/hook`);
      await harness.endJob(job, { status: end });
      await untilStatus(harness, 'delivered');

      const [request, ...others] = server.requests;
      expect(others).toEqual([]);
      const { id, ...event } = (await unwrap(request ?? { body: '', headers: {} }, secret)) as Record<string, unknown>;
      expect(id).toMatch(/^evt_[0-9a-f]{32}$/);
      expect(event).toEqual({
        object: 'event',
        type: `job.${end}`,
        created_at: expect.closeTo(Date.now() / 1000, -2),
        data: { id: publicJobId(job.id) },
      });
      expect(await onlyDelivery(harness)).toEqual({
        id: request?.headers['webhook-id'],
        object: 'webhook.delivery',
        rev: expect.any(Number),
        owner: 'key_1',
        job_id: publicJobId(job.id),
        url: `${server.url}/hook`,
        type: `job.${end}`,
        status: 'delivered',
        attempts: 1,
        next_attempt_at: null,
        last_status: 204,
        last_error: null,
        created_at: expect.any(Number),
        delivered_at: expect.any(Number),
      });
    },
  );

  it('H5 its webhook does not survive a changed byte, 301 seconds, or milliseconds', async () => {
    const harness = await openHarness();
    const { secret } = await harness.service.createSecret(OWNER, 0);
    const server = await startServer(taken);
    harness.startDispatcher();
    await harness.endJob(await harness.addJob(server.url));
    await untilStatus(harness, 'delivered');
    const { body = '', headers = {} } = server.requests[0] ?? {};
    const timestamp = String(headers['webhook-timestamp']);
    const altered = { body: body.replace('job.succeeded', 'job.succeedeD'), headers };
    await expect(unwrap(altered, secret)).rejects.toThrow(InvalidWebhookSignatureError);
    const inMilliseconds = { body, headers: { ...headers, 'webhook-timestamp': `${timestamp}000` } };
    await expect(unwrap(inMilliseconds, secret)).rejects.toThrow(InvalidWebhookSignatureError);
    onTestFinished(() => void vi.useRealTimers());
    for (const seconds of [301, -302]) {
      vi.useFakeTimers({ toFake: ['Date'], now: (Number(timestamp) + seconds) * 1000 });
      await expect(unwrap({ body, headers }, secret), `${seconds} s`).rejects.toThrow(InvalidWebhookSignatureError);
    }
    vi.useFakeTimers({ toFake: ['Date'], now: (Number(timestamp) + 299) * 1000 });
    expect(await unwrap({ body, headers }, secret)).toMatchObject({ object: 'event' });
  });

  it('sends nothing when its transaction is rolled back', async () => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const server = await startServer(taken);
    harness.startDispatcher({ pollMs: 20 });
    const job = await harness.addJob(server.url);
    const undone = harness.endJob(job, {
      last: () => {
        throw new Error('undone');
      },
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await deliveriesOf(harness)).toEqual([]);
    await harness.endJob(job, { status: 'cancelled' });
    await untilStatus(harness, 'delivered');
    expect(server.requests.map(({ body }) => JSON.parse(body).type)).toEqual(['job.cancelled']);
  });

  it("sends to its own URL, else to its key's, else nowhere", async () => {
    const [own, ofKey] = [await startServer(taken), await startServer(taken)];
    const harness = await openHarness({ keyUrl: ofKey.url });
    await harness.service.createSecret(OWNER_WITH_URL, 0);
    harness.startDispatcher();
    const first = await harness.addJob(own.url, OWNER_WITH_URL);
    const second = await harness.addJob(null, OWNER_WITH_URL);
    const third = await harness.addJob(null);
    for (const job of [first, second, third]) await harness.endJob(job);
    await untilStatus(harness, 'delivered', OWNER_WITH_URL);
    const idsOf = (server: typeof own) => server.requests.map(({ body }) => JSON.parse(body).data.id);
    expect([idsOf(own), idsOf(ofKey)]).toEqual([[publicJobId(first.id)], [publicJobId(second.id)]]);
    expect(await deliveriesOf(harness)).toEqual([]);
  });

  it('ends though the URL of its key is none', async () => {
    const harness = await openHarness({ keyUrl: 'nonsense' });
    await harness.service.createSecret(OWNER_WITH_URL, 0);
    harness.startDispatcher({ nextDelayMs: () => undefined });
    await harness.endJob(await harness.addJob(null, OWNER_WITH_URL));
    await untilStatus(harness, 'dead', OWNER_WITH_URL);
    expect(await onlyDelivery(harness, OWNER_WITH_URL)).toMatchObject({
      last_error: expect.stringContaining('absolute URL'),
    });
  });

  it('takes its webhooks along when it is deleted, also in the transaction that ends it', async () => {
    const harness = await openHarness();
    const [ended, running] = [await harness.addJob('https://a.example/'), await harness.addJob('https://a.example/')];
    await harness.endJob(ended);
    expect(await deliveriesOf(harness)).toHaveLength(1);
    const { jobs } = harness;
    await jobs.transaction(async (transaction) => {
      await jobs.delete(transaction, ended.id);
      const row = await jobs.end(transaction, running.id, 'cancelled');
      await jobs.delete(transaction, running.id);
      if (row !== undefined) await harness.hooks.ended?.(transaction, row);
    });
    expect(await deliveriesOf(harness)).toEqual([]);
  });
});

describe('a delivery that fails', () => {
  it('is tried again with the same id and body, and a timestamp of its own', async () => {
    const harness = await openHarness();
    const { secret } = await harness.service.createSecret(OWNER, 0);
    const server = await startServer((response, _request, count) => {
      if (count === 1) response.destroy();
      else response.writeHead(count === 2 ? 503 : 200).end();
    });
    const failed: unknown[] = [];
    harness.startDispatcher({
      pollMs: 20,
      // Timestamps are whole seconds.
      nextDelayMs: (attempt) => (failed.push(attempt) === 1 ? 1_000 : 0),
    });
    await harness.endJob(await harness.addJob(server.url));
    await untilStatus(harness, 'delivered');
    expect(server.requests).toHaveLength(3);
    const ids = server.requests.map(({ headers }) => headers['webhook-id']);
    expect(ids[0]).toMatch(/^msg_[0-9a-f]{32}$/);
    expect(new Set(ids).size).toBe(1);
    expect(new Set(server.requests.map(({ body }) => body)).size).toBe(1);
    const [first, second] = server.requests.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect(second).toBeGreaterThan(first ?? Number.NaN);
    for (const request of server.requests) expect(await unwrap(request, secret)).toMatchObject({ object: 'event' });
    expect(failed).toEqual([
      { attempts: 1, gone: false, retryAfterMs: 0 },
      { attempts: 2, gone: false, retryAfterMs: 0 },
    ]);
    expect(await onlyDelivery(harness)).toMatchObject({ attempts: 3, last_status: 200, last_error: null });
  });

  it('waits as the schedule says, and longer when it is asked to', async () => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const server = await startServer((response) => void response.writeHead(429, { 'retry-after': '600' }).end());
    harness.startDispatcher();
    await harness.endJob(await harness.addJob(server.url));
    await waitUntil('the first attempt has failed', async () => (await onlyDelivery(harness)).last_status === 429);
    const { status, attempts, next_attempt_at } = await onlyDelivery(harness);
    expect({ status, attempts }).toEqual({ status: 'pending', attempts: 1 });
    expect(next_attempt_at).toBeCloseTo(Date.now() / 1000 + 600, -2);
    expect(server.requests).toHaveLength(1);
  });

  it.each([301, 302, 307, 308])('by %i is not sent on to where it points', async (status) => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const target = await startServer(taken);
    const server = await startServer((response) => void response.writeHead(status, { location: target.url }).end());
    harness.startDispatcher({ nextDelayMs: () => undefined });
    await harness.endJob(await harness.addJob(server.url));
    await untilStatus(harness, 'dead');
    expect(target.requests).toEqual([]);
    expect(await onlyDelivery(harness)).toMatchObject({
      last_status: status,
      last_error: expect.stringContaining('redirects are not followed'),
    });
  });

  it('is dead after the last attempt, and lives again by a replay, with the same id', async () => {
    const harness = await openHarness();
    const { secret } = await harness.service.createSecret(OWNER, 0);
    let isUp = false;
    const server = await startServer((response, request, count) => (isUp ? taken : broken)(response, request, count));
    harness.startDispatcher(atOnce);
    await harness.endJob(await harness.addJob(server.url));
    await untilStatus(harness, 'dead');
    expect(server.requests).toHaveLength(MAX_ATTEMPTS);
    const dead = await onlyDelivery(harness);
    expect(dead).toMatchObject({
      attempts: MAX_ATTEMPTS,
      next_attempt_at: null,
      last_status: 500,
      last_error: 'it answered 500',
      delivered_at: null,
    });

    isUp = true;
    expect(await harness.service.replay(OWNER, dead.id)).toMatchObject({ id: dead.id, status: 'pending', attempts: 0 });
    await untilStatus(harness, 'delivered');
    expect(server.requests).toHaveLength(MAX_ATTEMPTS + 1);
    expect(new Set(server.requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([dead.id]));
    expect(await unwrap(server.requests.at(-1) ?? { body: '', headers: {} }, secret)).toMatchObject({
      object: 'event',
    });

    // What has arrived may be wanted once more, too.
    await harness.service.replay(OWNER, dead.id);
    await waitUntil('it was sent again', () => server.requests.length === MAX_ATTEMPTS + 2);
    await untilStatus(harness, 'delivered');
  });

  it('is dead at once when the receiver says it is gone', async () => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const server = await startServer((response) => void response.writeHead(410).end());
    harness.startDispatcher(atOnce);
    await harness.endJob(await harness.addJob(server.url));
    await untilStatus(harness, 'dead');
    expect(server.requests).toHaveLength(1);
  });

  it('is not tried again once it is cancelled; the cancel of a delivered one changes nothing', async () => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const server = await startServer((response, request, count) =>
      (count === 1 ? broken : taken)(response, request, count),
    );
    harness.startDispatcher({ pollMs: 20, nextDelayMs: () => 100 });
    await harness.endJob(await harness.addJob(server.url));
    await waitUntil('the first attempt has failed', async () => (await onlyDelivery(harness)).last_status === 500);
    const { id } = await onlyDelivery(harness);
    expect(await harness.service.cancel(OWNER, id)).toMatchObject({ status: 'cancelled', next_attempt_at: null });
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(server.requests).toHaveLength(1);
    await harness.service.replay(OWNER, id);
    await untilStatus(harness, 'delivered');
    expect(await harness.service.cancel(OWNER, id)).toMatchObject({ status: 'delivered' });
  });

  it('is refused at a private address, and nothing is connected to', async () => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const server = await startServer(taken);
    harness.startDispatcher({ guard: createWebhookGuard(false), nextDelayMs: () => undefined });
    await harness.endJob(await harness.addJob(server.url.replace('http:', 'https:')));
    await untilStatus(harness, 'dead');
    expect(await onlyDelivery(harness)).toMatchObject({
      last_status: null,
      last_error: expect.stringContaining('not public'),
    });
    expect(server.requests).toEqual([]);
  });
});

describe('secrets', () => {
  it('two are active after a rotation, then one; a third at a time is refused', async () => {
    const harness = await openHarness();
    const { service, db } = harness;
    const server = await startServer(taken);
    harness.startDispatcher();
    const old = await service.createSecret(OWNER, 3_600);
    const current = await service.createSecret(OWNER, 3_600);
    const listed = await service.listSecrets(OWNER);
    expect(listed.map(({ id }) => id)).toEqual([current.id, old.id]);
    expect(listed[0]?.expires_at).toBeNull();
    expect(listed[1]?.expires_at).toBeCloseTo(Date.now() / 1000 + 3_600, -2);
    await expect(service.createSecret(OWNER, 60)).rejects.toMatchObject({ code: 'webhook_secret_limit', status: 409 });
    expect(await service.listSecrets(OWNER)).toEqual(listed);

    await harness.endJob(await harness.addJob(server.url));
    await untilStatus(harness, 'delivered');
    for (const { secret } of [old, current]) {
      expect(await unwrap(server.requests[0] ?? { body: '', headers: {} }, secret)).toMatchObject({ object: 'event' });
    }

    await db
      .updateTable('webhook_secrets')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .where('expires_at', 'is not', null)
      .execute();
    expect((await service.listSecrets(OWNER)).map(({ id }) => id)).toEqual([current.id]);
    await service.replay(OWNER, (await onlyDelivery(harness)).id);
    await waitUntil('it was sent again', () => server.requests.length === 2);
    const again = server.requests[1] ?? { body: '', headers: {} };
    expect(await unwrap(again, current.secret)).toMatchObject({ object: 'event' });
    await expect(unwrap(again, old.secret)).rejects.toThrow(InvalidWebhookSignatureError);
  });

  it('without overlap the new one is the only one, and it leaves nothing of the others', async () => {
    const { service, db } = await openHarness();
    await service.createSecret(OWNER, 60);
    await service.createSecret(OWNER, 60);
    const last = await service.createSecret(OWNER, 0);
    expect((await service.listSecrets(OWNER)).map(({ id }) => id)).toEqual([last.id]);
    await service.createSecret(OWNER, 60);
    expect(await db.selectFrom('webhook_secrets').select('id').execute()).toHaveLength(2);
  });

  it('of two rotations at once, no more than two secrets stay', async () => {
    const { service } = await openHarness();
    await service.createSecret(OWNER, 60);
    const results = await Promise.allSettled([1, 2, 3].map(() => service.createSecret(OWNER, 60)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await service.listSecrets(OWNER)).toHaveLength(2);
  });

  it('belong to their owner', async () => {
    const { service } = await openHarness();
    const { id } = await service.createSecret(OWNER, 0);
    await service.createSecret('key_3', 0);
    expect(await service.listSecrets(OWNER)).toHaveLength(1);
    for (const [owner, name] of [
      ['key_3', id],
      [OWNER, 'whs_nonsense'],
    ] as const) {
      await expect(service.deleteSecret(owner, name)).rejects.toMatchObject({ code: 'webhook_secret_not_found' });
    }
    await service.deleteSecret(OWNER, id);
    expect(await service.listSecrets(OWNER)).toEqual([]);
  });

  it('leave a row in the audit log when they are made and when they are deleted', async () => {
    const { service, db } = await openHarness();
    const { id } = await service.createSecret(OWNER, 0);
    await expect(service.deleteSecret('key_3', id)).rejects.toThrow();
    await service.deleteSecret(OWNER, id);
    const rows = await db
      .selectFrom('audit_log')
      .select(['actor', 'action', 'subject', 'result'])
      .orderBy('seq')
      .execute();
    const row = { actor: OWNER, subject: id, result: 'success' };
    expect(rows).toEqual([
      { ...row, action: 'webhook_secret.create' },
      { ...row, action: 'webhook_secret.delete' },
    ]);
  });

  it('are not in the database as they are, and open in no other row', async () => {
    const { service, secrets, db } = await openHarness();
    const { secret } = await service.createSecret(OWNER, 0);
    const rows = await db.selectFrom('webhook_secrets').selectAll().execute();
    const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
    for (const form of [secret.slice('whsec_'.length), bytes.toString('hex'), bytes.toString('base64url')]) {
      expect(JSON.stringify(rows)).not.toContain(form);
    }
    expect(await secrets.reveal(OWNER)).toEqual({ secrets: [secret], unreadable: 0 });
    await db.updateTable('webhook_secrets').set({ owner: 'key_3' }).execute();
    await expect(secrets.reveal('key_3')).rejects.toThrow();
  });

  it('of another key, or none at all: the webhook waits for one that can be read', async () => {
    const harness = await openHarness();
    const { service, db } = harness;
    const server = await startServer(taken);
    const foreign = new WebhookSecretStore(db, createSecretBox(Buffer.alloc(32, 1)));
    await foreign.rotate(OWNER, { secret: 'whsec_of-another-gateway', overlapSeconds: 0, note: async () => {} });
    harness.startDispatcher({ pollMs: 20, nextDelayMs: () => 20 });
    await harness.endJob(await harness.addJob(server.url));
    await waitUntil('an attempt has failed', async () => (await onlyDelivery(harness)).last_error !== null);
    expect(await onlyDelivery(harness)).toMatchObject({
      status: 'pending',
      last_error: 'there is no secret to sign it with',
    });
    const { secret } = await service.createSecret(OWNER, 3_600);
    await untilStatus(harness, 'delivered');
    expect(await unwrap(server.requests[0] ?? { body: '', headers: {} }, secret)).toMatchObject({ object: 'event' });
  });

  it('are in no line of the log, and neither are URLs', async () => {
    const harness = await openHarness();
    const lines: unknown[] = [];
    const note = (message: string, fields?: Record<string, unknown>) => void lines.push([message, fields]);
    const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log };
    const { secret } = await harness.service.createSecret(OWNER, 0);
    const server = await startServer((response, request, count) =>
      (count === 1 ? broken : taken)(response, request, count),
    );
    harness.startDispatcher({ ...atOnce, log });
    await harness.endJob(await harness.addJob(`${server.url.replace('//', '//user:geheim@')}/path?token=geheim`));
    await untilStatus(harness, 'delivered');
    await waitUntil('both attempts are logged', () => lines.length >= 2);
    const text = JSON.stringify(lines);
    expect(text).toContain('it answered 500');
    expect(text).not.toMatch(/geheim|private words/);
    expect(text).not.toContain(secret.slice('whsec_'.length));
  });
});

describe('a URL', () => {
  const refusing = async () => {
    const { secrets, deliveries } = await openHarness();
    return new WebhookService({
      secrets,
      deliveries,
      guard: createWebhookGuard(false),
      timeoutMs: 1000,
      defaultUrl: async () => undefined,
    });
  };

  it('is refused without a secret to sign with, and the message says how to make one', async () => {
    const service = await refusing();
    await expect(service.checkUrl(OWNER, 'https://hooks.example/a')).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'webhook_url',
      message: expect.stringContaining('POST /v1/webhooks/secrets'),
    });
    await service.createSecret(OWNER, 0);
    await service.checkUrl(OWNER, 'https://hooks.example/a');
  });

  it('is refused by what it says alone, when it must never be connected to', async () => {
    const service = await refusing();
    await service.createSecret(OWNER, 0);
    for (const [url, code] of [
      ['http://hooks.example/', 'url_not_allowed'],
      ['https://127.0.0.1/', 'url_not_allowed'],
      ['https://10.1.2.3/', 'url_not_allowed'],
      ['https://169.254.169.254/latest', 'url_not_allowed'],
      ['https://[::1]/', 'url_not_allowed'],
      ['https://[::ffff:127.0.0.1]/', 'url_not_allowed'],
      ['https://0x7f.1/', 'url_not_allowed'],
      ['file:///etc/passwd', 'url_not_allowed'],
      ['hooks.example', 'invalid_value'],
      ['', 'invalid_value'],
    ] as const) {
      await expect(service.checkUrl(OWNER, url), url).rejects.toMatchObject({ code, param: 'webhook_url' });
    }
  });

  it('has an end', async () => {
    const service = await refusing();
    await service.createSecret(OWNER, 0);
    const start = 'https://hooks.example/';
    await service.checkUrl(OWNER, start.padEnd(2_000, 'x'));
    await expect(service.checkUrl(OWNER, start.padEnd(2_001, 'x'))).rejects.toMatchObject({ code: 'invalid_value' });
  });
});

describe('several dispatchers', () => {
  it('share what is due: each webhook is sent once', async () => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const server = await startServer(async (response) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      response.writeHead(204).end();
    });
    const counts = [0, 0];
    for (const index of counts.keys()) {
      const take: WebhookDeliveryStore['take'] = async (...parameters) => {
        const leased = await harness.deliveries.take(...parameters);
        if (leased !== undefined) counts[index] = (counts[index] ?? 0) + 1;
        return leased;
      };
      const { deliveries } = harness;
      const sharing = {
        take,
        finish: deliveries.finish.bind(deliveries),
        giveBack: deliveries.giveBack.bind(deliveries),
      };
      harness.startDispatcher({ deliveries: sharing, pollMs: 20 });
    }
    const jobs = await Promise.all(Array.from({ length: 60 }, () => harness.addJob(server.url)));
    await Promise.all(jobs.map((job) => harness.endJob(job)));
    await untilStatus(harness, 'delivered');
    const sent = server.requests.map(({ body }) => JSON.parse(body).data.id);
    expect(sent.toSorted()).toEqual(jobs.map(({ id }) => publicJobId(id)).toSorted());
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it('take over what one left that was killed in the middle', async () => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const begun = Promise.withResolvers<void>();
    const server = await startServer((response, request, count) => {
      if (count === 1) begun.resolve();
      else return taken(response, request, count);
    });
    const job = await harness.addJob(server.url);
    await harness.endJob(job);
    const leaseMs = 1_500;
    const { child, ended } = spawnScript('webhook-sender.ts', harness.url, harness.key.toString('hex'), `${leaseMs}`);
    await begun.promise;
    child.kill('SIGKILL');
    await ended;
    const started = performance.now();
    harness.startDispatcher({ pollMs: 20 });
    await untilStatus(harness, 'delivered');
    // While the lease lasts nobody can know that its holder is dead.
    expect(performance.now() - started).toBeGreaterThan(leaseMs / 2);
    const [first, second, ...others] = server.requests.map(({ headers }) => headers['webhook-id']);
    expect(others).toEqual([]);
    expect(second).toBe(first);
    expect(await onlyDelivery(harness)).toMatchObject({ attempts: 2 });
  });

  it('do not listen to one whose lease is over', async () => {
    const harness = await openHarness();
    const { deliveries } = harness;
    await harness.endJob(await harness.addJob('https://hooks.example/'));
    const late = await deliveries.take(1, []);
    expect(await deliveries.take(60_000, ['hooks.example'])).toBeUndefined();
    await waitUntil('the lease is over', async () => (await deliveries.take(60_000, [])) !== undefined);
    if (late === undefined) throw new Error('nothing was due');
    await deliveries.finish(late, { status: 'dead', lastStatus: 500, lastError: 'late' });
    await deliveries.giveBack(late);
    expect(await onlyDelivery(harness)).toMatchObject({ status: 'pending', attempts: 2, last_error: null });
  });
});

describe('a dispatcher', () => {
  it('sends four at a time to one host, and others are not held up by it', async () => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const release = Promise.withResolvers<void>();
    let open = 0;
    let most = 0;
    const slow = await startServer(async (response) => {
      most = Math.max(most, ++open);
      await release.promise;
      open -= 1;
      response.writeHead(204).end();
    });
    const quick = await startServer(taken, { host: PRIVATE });
    for (let count = 0; count < 10; count++) await harness.endJob(await harness.addJob(slow.url));
    await harness.endJob(await harness.addJob(quick.url));
    harness.startDispatcher();
    await waitUntil('the quick one has arrived', () => quick.requests.length === 1);
    await waitUntil('four have begun', () => slow.requests.length === 4);
    release.resolve();
    await untilStatus(harness, 'delivered');
    expect(slow.requests).toHaveLength(10);
    expect(most).toBe(4);
  });

  it('that stops lets an attempt end', async () => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const begun = Promise.withResolvers<void>();
    const server = await startServer(async (response) => {
      begun.resolve();
      await new Promise((resolve) => setTimeout(resolve, 100));
      response.writeHead(204).end();
    });
    const dispatcher = harness.startDispatcher();
    await harness.endJob(await harness.addJob(server.url));
    await begun.promise;
    await dispatcher.stop(5_000);
    expect(await onlyDelivery(harness)).toMatchObject({ status: 'delivered', attempts: 1 });
    await harness.endJob(await harness.addJob(server.url));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.requests).toHaveLength(1);
  });

  it('that may not wait gives the attempt back, and the next one makes it at once', async () => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const begun = Promise.withResolvers<void>();
    const server = await startServer((response, request, count) => {
      if (count > 1) return taken(response, request, count);
      begun.resolve();
    });
    const dispatcher = harness.startDispatcher();
    await harness.endJob(await harness.addJob(server.url));
    await begun.promise;
    await dispatcher.stop(0);
    expect(await onlyDelivery(harness)).toMatchObject({ status: 'pending', attempts: 0, last_error: null });
    harness.startDispatcher();
    await untilStatus(harness, 'delivered');
  });

  it('goes on when the database was away', async () => {
    const harness = await openHarness();
    await harness.service.createSecret(OWNER, 0);
    const server = await startServer(taken);
    const { deliveries } = harness;
    let failures = 3;
    const take: WebhookDeliveryStore['take'] = async (...parameters) => {
      if (failures-- > 0) throw new Error('away');
      return deliveries.take(...parameters);
    };
    const shaky = { take, finish: deliveries.finish.bind(deliveries), giveBack: deliveries.giveBack.bind(deliveries) };
    harness.startDispatcher({ deliveries: shaky, pollMs: 20 });
    await harness.endJob(await harness.addJob(server.url));
    await untilStatus(harness, 'delivered');
    expect(failures).toBeLessThan(0);
  });
});
