/** A program that sends webhooks until it is killed: database, key (hexadecimal), milliseconds that a lease lasts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebhookDispatcher } from '../../backend/src/jobs/webhook-dispatcher.ts';
import { createWebhookGuard } from '../../backend/src/outbound/deliver-webhook.ts';
import { connectDatabase } from '../../backend/src/store/database.ts';
import { createSecretBox } from '../../backend/src/store/secret-box.ts';
import { WebhookDeliveryStore } from '../../backend/src/store/webhook-deliveries.ts';
import { WebhookSecretStore } from '../../backend/src/store/webhook-secrets.ts';
import { silentLog } from './silent-log.ts';

const [url = '', key = '', leaseMs] = process.argv.slice(2);
const { db } = connectDatabase({ connection: { connectionString: url }, log: silentLog });
const dispatcher = new WebhookDispatcher({
  deliveries: new WebhookDeliveryStore(db),
  secrets: new WebhookSecretStore(db, createSecretBox(Buffer.from(key, 'hex'))),
  notifications: { subscribe: () => () => {} },
  guard: createWebhookGuard(true),
  timeoutMs: Number(leaseMs),
  leaseMarginMs: 0,
  log: silentLog,
});
dispatcher.start();
await sleep(60_000);
