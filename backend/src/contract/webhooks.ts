/** Webhooks of jobs: the events that are sent, the secrets they are signed with, and their deliveries. */
import { z } from 'zod';
import { pageOf, pageQuery } from './page.ts';

export const WEBHOOK_EVENT_TYPES = ['job.succeeded', 'job.failed', 'job.cancelled'] as const;
export const webhookEventType = z.enum(WEBHOOK_EVENT_TYPES);
export type WebhookEventType = z.infer<typeof webhookEventType>;

/** Unix seconds, as OpenAI's objects have them. */
const moment = z.int();

/** The body of a webhook, of the form that OpenAI's have: what it is about is fetched with its id. */
export const webhookEvent = z
  .object({
    id: z.string(),
    object: z.literal('event'),
    type: webhookEventType,
    created_at: moment.meta({ description: 'When the job ended' }),
    data: z.object({ id: z.string().meta({ description: 'Of the job' }) }),
  })
  .meta({ id: 'JobWebhookEvent' });
export type WebhookEvent = z.infer<typeof webhookEvent>;

/** Headers of a webhook (https://www.standardwebhooks.com). */
export const webhookHeaders = z.object({
  'webhook-id': z.string().meta({ description: 'The same for all attempts and replays: drop what you have seen' }),
  'webhook-timestamp': z.string().meta({ description: 'Unix seconds of this attempt' }),
  'webhook-signature': z.string().meta({ description: '`v1,<base64>`, one for each active secret' }),
});

export const webhookSecret = z
  .object({
    id: z.string(),
    object: z.literal('webhook.secret'),
    created_at: moment,
    expires_at: moment.nullable().meta({ description: 'null: not before it is replaced' }),
  })
  .meta({ id: 'WebhookSecret' });
export type WebhookSecret = z.infer<typeof webhookSecret>;

export const newWebhookSecret = webhookSecret
  .extend({ secret: z.string().meta({ description: '`whsec_…`; shown this once' }) })
  .meta({ id: 'NewWebhookSecret' });
export type NewWebhookSecret = z.infer<typeof newWebhookSecret>;

export const deletedWebhookSecret = z.object({
  id: z.string(),
  object: z.literal('webhook.secret'),
  deleted: z.literal(true),
});

/** Nothing more follows: there are two at most. */
export const webhookSecretList = z
  .object({ object: z.literal('list'), data: z.array(webhookSecret), has_more: z.literal(false) })
  .meta({ id: 'WebhookSecretList' });

const A_DAY_SECONDS = 24 * 3600;
export const createWebhookSecretRequest = z
  .strictObject({
    expires_in_seconds: z
      .int()
      .min(0)
      .max(7 * A_DAY_SECONDS)
      .default(A_DAY_SECONDS)
      .meta({ description: 'How long the secret before this one is signed with too; 0: no more' }),
  })
  .meta({ id: 'CreateWebhookSecretRequest' });
export type CreateWebhookSecretRequest = z.infer<typeof createWebhookSecretRequest>;

export const WEBHOOK_DELIVERY_STATUSES = ['pending', 'delivered', 'dead', 'cancelled'] as const;
export const webhookDeliveryStatus = z.enum(WEBHOOK_DELIVERY_STATUSES);
export type WebhookDeliveryStatus = z.infer<typeof webhookDeliveryStatus>;

export const webhookDelivery = z
  .object({
    id: z.string().meta({ description: 'The `webhook-id`' }),
    object: z.literal('webhook.delivery'),
    rev: z.int().meta({ description: 'Grows with every change' }),
    owner: z.string().meta({ description: "Id of the key whose job's it is" }),
    job_id: z.string(),
    url: z.string(),
    type: webhookEventType,
    status: webhookDeliveryStatus.meta({ description: 'dead: given up, until it is replayed' }),
    attempts: z.int().meta({ description: 'Since it was made, or replayed' }),
    next_attempt_at: moment.nullable().meta({ description: 'While it is pending' }),
    last_status: z.int().nullable().meta({ description: 'HTTP status of the last attempt; null without an answer' }),
    last_error: z.string().nullable(),
    created_at: moment,
    delivered_at: moment.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });
export type WebhookDelivery = z.infer<typeof webhookDelivery>;

/** One delivery, with what is sent. */
export const webhookDeliveryDetail = webhookDelivery
  .extend({ payload: z.string().meta({ description: 'The body, byte for byte; signed anew at each attempt' }) })
  .meta({ id: 'WebhookDeliveryDetail' });
export type WebhookDeliveryDetail = z.infer<typeof webhookDeliveryDetail>;

/** The body of a webhook that a caller has sent to see whether it arrives. */
export const webhookTestEvent = z
  .object({
    id: z.string(),
    object: z.literal('event'),
    type: z.literal('webhook.test'),
    created_at: moment,
    data: z.object({}),
  })
  .meta({ id: 'WebhookTestEvent' });
export type WebhookTestEvent = z.infer<typeof webhookTestEvent>;

export const webhookTestRequest = z
  .strictObject({ url: z.string().optional().meta({ description: "Default: the key's `webhook_url`" }) })
  .meta({ id: 'WebhookTestRequest' });

export const webhookTest = z
  .object({
    object: z.literal('webhook.test'),
    id: z.string().meta({ description: 'The `webhook-id`' }),
    url: z.string(),
    payload: z.string(),
    delivered: z.boolean().meta({ description: 'It answered 2xx. Nothing is tried again' }),
    status: z.int().nullable().meta({ description: 'null: no answer' }),
    error: z.string().nullable(),
    duration_ms: z.int(),
  })
  .meta({ id: 'WebhookTest' });
export type WebhookTest = z.infer<typeof webhookTest>;

export const webhookDeliveryList = pageOf(webhookDelivery).meta({ id: 'WebhookDeliveryList' });
export type WebhookDeliveryList = z.infer<typeof webhookDeliveryList>;

/** Of a query string, so everything is text. */
export const webhookDeliveryQuery = z.object({
  job_id: z.string().optional(),
  status: webhookDeliveryStatus.optional(),
  ...pageQuery,
});
export const adminWebhookDeliveryQuery = webhookDeliveryQuery.extend({
  owner: z.string().optional().meta({ description: 'Id of a key' }),
});
