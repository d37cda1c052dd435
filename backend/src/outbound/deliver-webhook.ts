/** One attempt to deliver a webhook: signed, to a public HTTPS address, redirects not followed. */
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors.ts';
import { parseRetryAfter } from '../retry.ts';
import {
  type AddressGuard,
  type AddressGuardOptions,
  AddressRefused,
  createAddressGuard,
  parseOutboundUrl,
} from './address-guard.ts';
import { guardedRequest, OutboundFailure, readBody } from './guarded-request.ts';
import { signWebhook } from './webhook-signature.ts';

export interface WebhookDelivery {
  url: string;
  /** `webhook-id`, the same for all attempts. */
  id: string;
  /** JSON, sent byte for byte as it is. */
  body: string;
  /** Every active secret. */
  secrets: readonly string[];
  guard: AddressGuard;
  signal: AbortSignal;
  /** Limit on all of the attempt. */
  timeoutMs?: number | undefined;
}

export interface DeliveryResult {
  /** The receiver answered 2xx. */
  ok: boolean;
  /** Undefined when no answer came. */
  status: number | undefined;
  /** Undefined when ok; says what failed, without resolved addresses or what the receiver wrote. */
  error: string | undefined;
  /** The receiver wants no more of these (410). */
  gone: boolean;
  /** The receiver's Retry-After; 0 without one. */
  retryAfterMs: number;
  durationMs: number;
}

const TIMEOUT_MS = 15_000;
/** Of the answer's body, which is thrown away: reading a short one lets the receiver end in peace. */
const MAX_DISCARDED_BYTES = 64 * 1024;

/** HTTPS to public addresses. `allowPrivate` (for tests) allows every address, and then plain HTTP too. */
export function createWebhookGuard(
  allowPrivate: boolean,
  options: Pick<AddressGuardOptions, 'resolve' | 'isPublic'> = {},
): AddressGuard {
  return createAddressGuard({ ...options, allowPrivate, protocols: allowPrivate ? ['https:', 'http:'] : ['https:'] });
}

/** Failures of the receiver, and refusals of its address, are results. @throws the signal's reason; Error for a bad secret. */
export async function deliverWebhook(delivery: WebhookDelivery): Promise<DeliveryResult> {
  const { url, id, body, secrets, guard, timeoutMs = TIMEOUT_MS } = delivery;
  const headers = {
    'content-type': 'application/json',
    ...signWebhook({ id, now: Date.now(), body, secrets }),
  };
  const started = performance.now();
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([delivery.signal, timeout]);
  const outcome = await attempt().catch((error: unknown) => {
    delivery.signal.throwIfAborted();
    return noAnswer(timeout.aborted ? `no answer within ${timeoutMs / 1000} seconds` : reasonOf(error));
  });
  return { ...outcome, durationMs: performance.now() - started };

  async function attempt() {
    const target = parseOutboundUrl(url, guard, 'webhook_url');
    const response = await guardedRequest({ method: 'POST', url: target, guard, headers, body, signal });
    await discard(response);
    return judge(response);
  }
}

type Outcome = Omit<DeliveryResult, 'durationMs'>;

function judge({ statusCode: status = 0, headers }: IncomingMessage): Outcome {
  const ok = status >= 200 && status < 300;
  const redirect = status >= 300 && status < 400;
  return {
    ok,
    status,
    error: ok ? undefined : `it answered ${status}${redirect ? '; redirects are not followed' : ''}`,
    gone: status === 410,
    retryAfterMs: parseRetryAfter(headers['retry-after'] ?? null),
  };
}

function noAnswer(error: string): Outcome {
  return { ok: false, status: undefined, error, gone: false, retryAfterMs: 0 };
}

/** The status has come, so a body that breaks or stalls changes nothing. */
async function discard(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of readBody(response)) {
      bytes += chunk.length;
      if (bytes > MAX_DISCARDED_BYTES) break;
    }
  } catch (error) {
    if (!(error instanceof OutboundFailure)) throw error;
  } finally {
    response.destroy();
  }
}

function reasonOf(error: unknown): string {
  const known = [OutboundFailure, AddressRefused, GatewayError].some((kind) => error instanceof kind);
  if (known && error instanceof Error) return error.message;
  throw error;
}
