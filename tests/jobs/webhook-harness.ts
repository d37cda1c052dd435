/** A database with jobs that end, and what sends their webhooks to servers of this machine. */
import { randomBytes } from 'node:crypto';
import OpenAI from 'openai';
import { onTestFinished } from 'vitest';
import type { JobError } from '../../backend/src/contract/jobs.ts';
import { WebhookDispatcher, type WebhookDispatcherOptions } from '../../backend/src/jobs/webhook-dispatcher.ts';
import { createWebhookHooks } from '../../backend/src/jobs/webhook-hooks.ts';
import { WebhookService } from '../../backend/src/jobs/webhook-service.ts';
import { createWebhookGuard } from '../../backend/src/outbound/deliver-webhook.ts';
import { connectDatabase } from '../../backend/src/store/database.ts';
import { type JobRow, JobStore } from '../../backend/src/store/jobs.ts';
import { Notifications } from '../../backend/src/store/notifications.ts';
import { createSecretBox } from '../../backend/src/store/secret-box.ts';
import { WEBHOOK_CHANNEL, WebhookDeliveryStore } from '../../backend/src/store/webhook-deliveries.ts';
import { WebhookSecretStore } from '../../backend/src/store/webhook-secrets.ts';
import type { Received } from '../outbound/local-server.ts';
import { silentLog } from '../support/silent-log.ts';
import { createTestDatabase } from '../support/test-database.ts';

export const OWNER = 'key_1';
/** Of `defaultUrl`: the owner whose key has a URL. */
export const OWNER_WITH_URL = 'key_2';
export const NEVER_MS = 3_600_000;

export type JobEnd = 'succeeded' | 'failed' | 'cancelled';

export async function openHarness({ keyUrl }: { keyUrl?: string } = {}) {
  const testDatabase = await createTestDatabase();
  onTestFinished(() => testDatabase.drop());
  const connection = { connectionString: testDatabase.url };
  const database = connectDatabase({ connection, log: silentLog });
  onTestFinished(() => database.close());

  const jobs = new JobStore(database.db);
  const deliveries = new WebhookDeliveryStore(database.db);
  const key = randomBytes(32);
  const secrets = new WebhookSecretStore(database.db, createSecretBox(key));
  const guard = createWebhookGuard(true);
  const hooks = createWebhookHooks({
    deliveries,
    defaultUrl: async (_transaction, owner) => (owner === OWNER_WITH_URL ? keyUrl : undefined),
  });

  async function addJob(url: string | null, owner = OWNER): Promise<JobRow> {
    return jobs.transaction((transaction) =>
      jobs.insert(transaction, {
        owner,
        task: 'transcription',
        model: 'fake/echo',
        request: {},
        metadata: {},
        webhook_url: url,
        may_reuse: false,
      }),
    );
  }

  /** `last` runs at the end of the same transaction. */
  async function endJob(
    job: JobRow,
    { status = 'succeeded', last }: { status?: JobEnd; last?: () => void } = {},
  ): Promise<void> {
    const error: JobError = { code: 'internal_error', message: 'private words', param: null };
    await jobs.transaction(async (transaction) => {
      const ended = await jobs.end(transaction, job.id, status, status === 'failed' ? { error } : {});
      if (ended === undefined) throw new Error('the job was over');
      await hooks.ended?.(transaction, ended);
      last?.();
    });
  }

  /** Stopped when the test ends. Nothing but a notification wakes it, unless the options say otherwise. */
  function startDispatcher(options: Partial<WebhookDispatcherOptions> = {}): WebhookDispatcher {
    const notifications = new Notifications({ connection, channel: WEBHOOK_CHANNEL, log: silentLog });
    onTestFinished(() => notifications.close());
    const dispatcher = new WebhookDispatcher({
      deliveries,
      secrets,
      notifications,
      guard,
      timeoutMs: 5_000,
      log: silentLog,
      pollMs: NEVER_MS,
      ...options,
    });
    dispatcher.start();
    onTestFinished(() => dispatcher.stop(0));
    return dispatcher;
  }

  return {
    url: testDatabase.url,
    db: database.db,
    key,
    jobs,
    deliveries,
    secrets,
    guard,
    hooks,
    service: new WebhookService({ secrets, deliveries, guard, timeoutMs: 1000, defaultUrl: async () => undefined }),
    addJob,
    endJob,
    startDispatcher,
  };
}

export type Harness = Awaited<ReturnType<typeof openHarness>>;

const { webhooks } = new OpenAI({ apiKey: 'not-used' });

/** As a customer does it. */
export function unwrap({ body, headers }: Pick<Received, 'body' | 'headers'>, secret: string): Promise<unknown> {
  return webhooks.unwrap(body, headers, secret);
}
