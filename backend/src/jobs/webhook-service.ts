/** What callers do about the webhooks of their jobs: secrets, and what became of each delivery. */

import { randomUUID } from 'node:crypto';
import type {
  NewWebhookSecret,
  WebhookDelivery,
  WebhookDeliveryDetail,
  WebhookDeliveryList,
  WebhookDeliveryStatus,
  WebhookSecret,
  WebhookTest,
  WebhookTestEvent,
} from '../contract/webhooks.ts';
import { GatewayError } from '../errors.ts';
import { type AddressGuard, parseOutboundUrl } from '../outbound/address-guard.ts';
import { deliverWebhook } from '../outbound/deliver-webhook.ts';
import { createWebhookSecret } from '../outbound/webhook-signature.ts';
import { appendAudit } from '../store/audit.ts';
import type { WebhookDeliveryRow, WebhookDeliveryStore } from '../store/webhook-deliveries.ts';
import type { NoteSecret, WebhookSecretRow, WebhookSecretStore } from '../store/webhook-secrets.ts';
import { jobUuid, publicJobId } from './job-id.ts';
import { ANY_OWNER, type Viewer } from './job-service.ts';
import { publicId, uuidOf } from './public-id.ts';

export interface WebhookServiceOptions {
  secrets: WebhookSecretStore;
  deliveries: WebhookDeliveryStore;
  guard: AddressGuard;
  /** Limit on a test. */
  timeoutMs: number;
  /** Of the key; undefined: it has none. */
  defaultUrl(owner: string): Promise<string | undefined>;
}

export interface DeliveryPage {
  /** Where anybody's are looked at: whose. */
  owner?: string | undefined;
  limit: number;
  after: string | undefined;
  jobId: string | undefined;
  status: WebhookDeliveryStatus | undefined;
}

const PARAM = 'webhook_url';
const MAX_URL_LENGTH = 2_000;
/** Not `whsec`, which the secrets themselves begin with. */
export const SECRET_PREFIX = 'whs';
export const DELIVERY_PREFIX = 'msg';

export class WebhookService {
  readonly #options: WebhookServiceOptions;

  constructor(options: WebhookServiceOptions) {
    this.#options = options;
  }

  /**
   * Of a job: its webhooks must go somewhere, and be signed. What the name resolves to is judged when one is sent.
   * @throws invalid_value, url_not_allowed
   */
  async checkUrl(owner: string, url: string): Promise<void> {
    this.parseUrl(url);
    if ((await this.#options.secrets.list(owner)).length > 0) return;
    throw noSecret();
  }

  /** Of a key, whose owner may make a secret later. @throws invalid_value, url_not_allowed */
  parseUrl(url: string): URL {
    if (url.length > MAX_URL_LENGTH) {
      throw new GatewayError('invalid_value', {
        message: `'${PARAM}' must have at most ${MAX_URL_LENGTH} characters.`,
        param: PARAM,
      });
    }
    return parseOutboundUrl(url, this.#options.guard, PARAM);
  }

  async listSecrets(owner: string): Promise<WebhookSecret[]> {
    return (await this.#options.secrets.list(owner)).map(describeSecret);
  }

  /** Makes the first one, or one in place of those before, which expire. @throws webhook_secret_limit */
  async createSecret(owner: string, overlapSeconds: number): Promise<NewWebhookSecret> {
    const secret = createWebhookSecret();
    const row = await this.#options.secrets.rotate(owner, {
      secret,
      overlapSeconds,
      note: noteSecret(owner, 'webhook_secret.create'),
    });
    if (row === undefined) {
      throw new GatewayError('webhook_secret_limit', {
        message: 'Two secrets are active already. Delete one of them first, or end both with expires_in_seconds 0.',
        param: 'expires_in_seconds',
      });
    }
    return { ...describeSecret(row), secret };
  }

  /** @throws webhook_secret_not_found */
  async deleteSecret(owner: string, id: string): Promise<void> {
    const uuid = uuidOf(SECRET_PREFIX, id);
    const note = noteSecret(owner, 'webhook_secret.delete');
    if (uuid !== undefined && (await this.#options.secrets.delete(owner, uuid, note))) return;
    throw new GatewayError('webhook_secret_not_found', {
      message: `The webhook secret '${id}' does not exist, or is not yours.`,
    });
  }

  /** @throws webhook_delivery_not_found for `after`. */
  async listDeliveries(viewer: Viewer, page: DeliveryPage): Promise<WebhookDeliveryList> {
    const { deliveries } = this.#options;
    const after = page.after === undefined ? undefined : (await this.#find(viewer, page.after)).id;
    const jobId = page.jobId === undefined ? undefined : jobUuid(page.jobId);
    const owner = ownerOf(viewer) ?? page.owner;
    const isNoJob = page.jobId !== undefined && jobId === undefined;
    const { deliveries: rows, hasMore } = isNoJob
      ? { deliveries: [], hasMore: false }
      : await deliveries.list({ owner, jobId, after, status: page.status, limit: page.limit });
    const data = rows.map(describeDelivery);
    return {
      object: 'list',
      data,
      first_id: data[0]?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
      has_more: hasMore,
    };
  }

  /** With what is sent. @throws webhook_delivery_not_found */
  async delivery(viewer: Viewer, id: string): Promise<WebhookDeliveryDetail> {
    const row = await this.#find(viewer, id);
    return { ...describeDelivery(row), payload: row.payload };
  }

  /**
   * One attempt, now: nothing of it is kept, and nothing tried again.
   * @throws invalid_value without a URL or a secret to sign with; url_not_allowed
   */
  async sendTest(owner: string, asked: string | undefined, signal: AbortSignal): Promise<WebhookTest> {
    const { secrets, guard, timeoutMs, defaultUrl } = this.#options;
    const url = asked ?? (await defaultUrl(owner));
    if (url === undefined) {
      throw new GatewayError('invalid_value', {
        message: "Send the 'url' to be tested: this key has no `webhook_url`.",
        param: 'url',
      });
    }
    await this.checkUrl(owner, url);
    const uuid = randomUUID();
    const event: WebhookTestEvent = {
      id: publicId('evt', uuid),
      object: 'event',
      type: 'webhook.test',
      created_at: seconds(new Date()),
      data: {},
    };
    const id = publicId(DELIVERY_PREFIX, uuid);
    const payload = JSON.stringify(event);
    const { secrets: active } = await secrets.reveal(owner);
    // They were encrypted with another key than this server has.
    if (active.length === 0) throw noSecret();
    const sent = await deliverWebhook({ url, id, body: payload, secrets: active, guard, signal, timeoutMs });
    return {
      object: 'webhook.test',
      id,
      url,
      payload,
      delivered: sent.ok,
      status: sent.status ?? null,
      error: sent.error ?? null,
      duration_ms: Math.round(sent.durationMs),
    };
  }

  /** Sends it once more, whatever became of it, with the id it has. @throws webhook_delivery_not_found */
  async replay(viewer: Viewer, id: string): Promise<WebhookDelivery> {
    const uuid = uuidOf(DELIVERY_PREFIX, id);
    const row = uuid === undefined ? undefined : await this.#options.deliveries.replay(ownerOf(viewer), uuid);
    if (row === undefined) throw deliveryNotFound(id);
    return describeDelivery(row);
  }

  /** No more attempts; one that is over stays as it is. @throws webhook_delivery_not_found */
  async cancel(viewer: Viewer, id: string): Promise<WebhookDelivery> {
    const found = await this.#find(viewer, id);
    await this.#options.deliveries.cancel(ownerOf(viewer), found.id);
    return describeDelivery(await this.#find(viewer, id));
  }

  async #find(viewer: Viewer, id: string): Promise<WebhookDeliveryRow> {
    const uuid = uuidOf(DELIVERY_PREFIX, id);
    const row = uuid === undefined ? undefined : await this.#options.deliveries.find(ownerOf(viewer), uuid);
    if (row === undefined) throw deliveryNotFound(id);
    return row;
  }
}

function ownerOf(viewer: Viewer): string | undefined {
  return viewer === ANY_OWNER ? undefined : viewer;
}

function noSecret(): GatewayError {
  return new GatewayError('invalid_value', {
    message: `'${PARAM}' needs a secret to sign webhooks with. Make one with POST /v1/webhooks/secrets first.`,
    param: PARAM,
  });
}

function noteSecret(actor: string, action: string): NoteSecret {
  return async (transaction, id) => {
    await appendAudit(transaction, { actor, action, subject: publicId(SECRET_PREFIX, id), result: 'success' });
  };
}

function describeSecret({ id, created_at, expires_at }: WebhookSecretRow): WebhookSecret {
  return {
    id: publicId(SECRET_PREFIX, id),
    object: 'webhook.secret',
    created_at: seconds(created_at),
    expires_at: expires_at && seconds(expires_at),
  };
}

function describeDelivery(row: WebhookDeliveryRow): WebhookDelivery {
  return {
    id: publicId(DELIVERY_PREFIX, row.id),
    object: 'webhook.delivery',
    rev: row.rev,
    owner: row.owner,
    job_id: publicJobId(row.job_id),
    url: row.url,
    type: row.type,
    status: row.status,
    attempts: row.attempts,
    next_attempt_at: row.status === 'pending' ? seconds(row.next_attempt_at) : null,
    last_status: row.last_status,
    last_error: row.last_error,
    created_at: seconds(row.created_at),
    delivered_at: row.delivered_at && seconds(row.delivered_at),
  };
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function deliveryNotFound(id: string): GatewayError {
  return new GatewayError('webhook_delivery_not_found', {
    message: `The webhook delivery '${id}' does not exist, or is not yours.`,
  });
}
