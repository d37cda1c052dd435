/** The end of a job as a webhook: written in the job's own transaction, so that there is one if and only if it ended. */
import { randomUUID } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { WebhookEvent } from '../contract/webhooks.ts';
import { hostOf } from '../outbound/address-guard.ts';
import type { JobRow } from '../store/jobs.ts';
import type { Schema } from '../store/schema.ts';
import type { WebhookDeliveryStore } from '../store/webhook-deliveries.ts';
import type { JobHooks } from './job-hooks.ts';
import { publicJobId } from './job-id.ts';
import { publicId } from './public-id.ts';

export interface WebhookHooksOptions {
  deliveries: Pick<WebhookDeliveryStore, 'add'>;
  /** Where the webhooks of an owner's jobs go that name no URL of their own; undefined: nowhere. */
  defaultUrl(transaction: Transaction<Schema>, owner: string): Promise<string | undefined>;
}

export function createWebhookHooks({ deliveries, defaultUrl }: WebhookHooksOptions): JobHooks {
  return {
    async ended(transaction, job) {
      const { status, owner } = job;
      if (status === 'queued' || status === 'running') return;
      const url = job.webhook_url ?? (await defaultUrl(transaction, owner));
      if (url === undefined) return;
      const id = randomUUID();
      const event = eventOf(id, `job.${status}`, job);
      await deliveries.add(transaction, {
        id,
        owner,
        jobId: job.id,
        url,
        // What is no URL is found out when it is sent: it must not keep the job from ending.
        host: hostIn(url),
        type: event.type,
        payload: JSON.stringify(event),
      });
    },
  };
}

function eventOf(id: string, type: WebhookEvent['type'], job: JobRow): WebhookEvent {
  return {
    id: publicId('evt', id),
    object: 'event',
    type,
    created_at: Math.floor((job.finished_at ?? new Date()).getTime() / 1000),
    data: { id: publicJobId(job.id) },
  };
}

function hostIn(text: string): string {
  const url = URL.parse(text);
  return url === null ? '' : hostOf(url);
}
