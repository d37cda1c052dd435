/** Everything that webhooks need, put together: built before the jobs, started and stopped after them. */
import type { Logger } from '../logger.ts';
import { createWebhookGuard } from '../outbound/deliver-webhook.ts';
import type { Database } from '../store/database.ts';
import { Notifications } from '../store/notifications.ts';
import { openSecretBox } from '../store/secret-box.ts';
import { WEBHOOK_CHANNEL, WebhookDeliveryStore } from '../store/webhook-deliveries.ts';
import { WebhookSecretStore } from '../store/webhook-secrets.ts';
import type { JobHooks } from './job-hooks.ts';
import { WebhookDispatcher } from './webhook-dispatcher.ts';
import { createWebhookHooks, type WebhookHooksOptions } from './webhook-hooks.ts';
import { WebhookService } from './webhook-service.ts';

export interface WebhookSystemOptions {
  database: Pick<Database, 'db' | 'connection'>;
  /** Made when it is not there. */
  secretsKeyFile: string;
  allowPrivate: boolean;
  /** Limit on an attempt. */
  timeoutMs: number;
  defaultUrl: WebhookHooksOptions['defaultUrl'];
  log: Logger;
}

export interface WebhookSystem {
  hooks: JobHooks;
  service: WebhookService;
  start(): void;
  /** Attempts that have not ended after `graceMs` are broken off and made again later. */
  stop(graceMs: number): Promise<void>;
}

/** @throws with a sentence for the operator when the key cannot be read. */
export async function openWebhooks(options: WebhookSystemOptions): Promise<WebhookSystem> {
  const { database, timeoutMs, log } = options;
  const secrets = new WebhookSecretStore(database.db, await openSecretBox(options.secretsKeyFile));
  const deliveries = new WebhookDeliveryStore(database.db);
  const guard = createWebhookGuard(options.allowPrivate);
  const notifications = new Notifications({ connection: database.connection, channel: WEBHOOK_CHANNEL, log });
  const dispatcher = new WebhookDispatcher({ deliveries, secrets, notifications, guard, timeoutMs, log });
  return {
    hooks: createWebhookHooks({ deliveries, defaultUrl: options.defaultUrl }),
    service: new WebhookService({
      secrets,
      deliveries,
      guard,
      timeoutMs,
      defaultUrl: (owner) => database.db.transaction().execute((each) => options.defaultUrl(each, owner)),
    }),
    start: () => dispatcher.start(),
    async stop(graceMs) {
      await dispatcher.stop(graceMs);
      await notifications.close();
    },
  };
}
