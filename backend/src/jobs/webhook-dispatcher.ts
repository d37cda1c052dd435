/**
 * Sends the webhooks that are due. Several gateways may do so at one database: each works on what it holds a lease for.
 * A receiver may get one twice when a gateway dies in between; it knows it by its id.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { AddressGuard } from '../outbound/address-guard.ts';
import { type DeliveryResult, deliverWebhook } from '../outbound/deliver-webhook.ts';
import { type FailedAttempt, nextAttemptDelayMs } from '../outbound/retry-schedule.ts';
import type { Notifications } from '../store/notifications.ts';
import type { LeasedDelivery, WebhookDeliveryStore } from '../store/webhook-deliveries.ts';
import type { WebhookSecretStore } from '../store/webhook-secrets.ts';
import { publicId } from './public-id.ts';
import { patiently } from './window-writer.ts';

export interface WebhookDispatcherOptions {
  deliveries: Pick<WebhookDeliveryStore, 'take' | 'finish' | 'giveBack'>;
  secrets: Pick<WebhookSecretStore, 'reveal' | 'deleteExpired'>;
  /** Of WEBHOOK_CHANNEL. */
  notifications: Pick<Notifications, 'subscribe'>;
  guard: AddressGuard;
  /** Limit on an attempt. */
  timeoutMs: number;
  log: Logger;
  /** How long after its limit an attempt whose gateway has died is made again. */
  leaseMarginMs?: number;
  pollMs?: number;
  nextDelayMs?: (failed: FailedAttempt) => number | undefined;
}

/** At a time, by this gateway: in all, and to one host, whose slowness must not hold up the others. */
const MAX_IN_FLIGHT = 32;
const MAX_PER_HOST = 4;
/** Finds what is due after a pause, and what a dead gateway has left. */
const POLL_MS = 2_000;
/** For the time the database may take to note the outcome. */
const LEASE_MARGIN_MS = 30_000;

type Attempt = Pick<DeliveryResult, 'ok' | 'status' | 'error' | 'gone' | 'retryAfterMs'>;

export class WebhookDispatcher {
  readonly #options: WebhookDispatcherOptions;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #perHost = new Map<string, number>();
  readonly #abort = new AbortController();
  #stopped = false;
  #isDue = false;
  #taking: Promise<void> | undefined;
  #poll: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(options: WebhookDispatcherOptions) {
    this.#options = options;
  }

  start(): void {
    const { notifications, secrets, log, pollMs = POLL_MS } = this.#options;
    this.#unsubscribe = notifications.subscribe(() => this.#wake());
    this.#poll = setInterval(() => this.#wake(), pollMs);
    this.#wake();
    secrets.deleteExpired().catch((error: unknown) => log.warn('expired webhook secrets stay', { cause: error }));
  }

  /** Takes no more; attempts that have not ended after `graceMs` are broken off, and made again by the next gateway. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe?.();
    clearInterval(this.#poll);
    await this.#taking;
    const ended = Promise.all(this.#inFlight);
    await Promise.race([ended, sleep(graceMs, undefined, { ref: false })]);
    this.#abort.abort(new GatewayError('shutting_down', { message: 'The server is shutting down.' }));
    await ended;
  }

  #wake(): void {
    this.#isDue = true;
    if (this.#stopped) return;
    this.#taking ??= this.#takeAll().finally(() => {
      this.#taking = undefined;
      // Somebody may have called since the last look.
      if (this.#isDue) this.#wake();
    });
  }

  async #takeAll(): Promise<void> {
    while (this.#isDue && !this.#stopped) {
      this.#isDue = false;
      while (this.#inFlight.size < MAX_IN_FLIGHT && !this.#stopped) {
        const taken = await this.#take();
        if (taken === undefined) break;
        this.#begin(taken);
      }
    }
  }

  async #take(): Promise<LeasedDelivery | undefined> {
    const { deliveries, timeoutMs, log, leaseMarginMs = LEASE_MARGIN_MS } = this.#options;
    const busyHosts = [...this.#perHost].filter(([, count]) => count >= MAX_PER_HOST).map(([host]) => host);
    try {
      return await deliveries.take(timeoutMs + leaseMarginMs, busyHosts);
    } catch (error) {
      log.warn('webhooks wait for the database', { cause: error });
      return undefined;
    }
  }

  #begin(delivery: LeasedDelivery): void {
    const { host } = delivery;
    this.#perHost.set(host, (this.#perHost.get(host) ?? 0) + 1);
    const work = this.#deliver(delivery).finally(() => {
      this.#inFlight.delete(work);
      const rest = (this.#perHost.get(host) ?? 1) - 1;
      if (rest === 0) this.#perHost.delete(host);
      else this.#perHost.set(host, rest);
      this.#wake();
    });
    this.#inFlight.add(work);
  }

  /** Never rejects: what could not be noted is found again when its lease ends. */
  async #deliver(delivery: LeasedDelivery): Promise<void> {
    const { deliveries, log } = this.#options;
    const fields = { delivery: publicId('msg', delivery.id), host: delivery.host, attempts: delivery.attempts };
    try {
      const attempt = await this.#attempt(delivery, fields);
      if (attempt === undefined) await deliveries.giveBack(delivery);
      else await this.#note(delivery, attempt, fields);
    } catch (error) {
      log.warn('the outcome of a webhook was not noted', { ...fields, cause: error });
    }
  }

  /** undefined: it was broken off. */
  async #attempt(delivery: LeasedDelivery, fields: Record<string, unknown>): Promise<Attempt | undefined> {
    const { secrets, guard, timeoutMs, log } = this.#options;
    const { signal } = this.#abort;
    try {
      const active = await secrets.reveal(delivery.owner);
      if (active.unreadable > 0) log.warn('webhook secrets were encrypted with another key', fields);
      if (active.secrets.length === 0) return failure('there is no secret to sign it with');
      return await deliverWebhook({
        url: delivery.url,
        id: publicId('msg', delivery.id),
        body: delivery.payload,
        secrets: active.secrets,
        guard,
        signal,
        timeoutMs,
      });
    } catch (error) {
      if (signal.aborted) return undefined;
      log.error('a webhook could not be sent', { ...fields, cause: error });
      return failure('the server could not send it');
    }
  }

  async #note(delivery: LeasedDelivery, attempt: Attempt, fields: Record<string, unknown>): Promise<void> {
    const { deliveries, nextDelayMs = nextAttemptDelayMs, log } = this.#options;
    const { ok, status: lastStatus, error: lastError, gone, retryAfterMs } = attempt;
    const delayMs = ok ? undefined : nextDelayMs({ attempts: delivery.attempts, gone, retryAfterMs });
    const status = ok ? 'delivered' : delayMs === undefined ? 'dead' : 'pending';
    if (status === 'dead') log.warn('a webhook was given up', { ...fields, reason: lastError });
    else log.debug('a webhook was sent', { ...fields, status, reason: lastError });
    await patiently(() => deliveries.finish(delivery, { status, delayMs, lastStatus, lastError }));
  }
}

function failure(error: string): Attempt {
  return { ok: false, status: undefined, error, gone: false, retryAfterMs: 0 };
}
