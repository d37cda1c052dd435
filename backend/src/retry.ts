/** Another try after a failure that time may heal: exponential backoff with jitter, never sooner than Retry-After. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryPolicy {
  /** Failures in a row without progress before giving up. */
  attempts: number;
  /** First wait, milliseconds; it doubles with every failure. */
  baseMs: number;
  /** Longest wait of our own, and the longest Retry-After that is waited for, milliseconds. */
  maxMs: number;
  maxRetryAfterMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 6, baseMs: 500, maxMs: 30_000, maxRetryAfterMs: 300_000 };

/** A failure worth another try. Its message says what failed and is safe for callers. */
export class TransientFailure extends Error {
  override readonly name = 'TransientFailure';
  readonly retryAfterMs: number;
  /** The try got further than the one before it: the count of failures starts again. */
  readonly progressed: boolean;

  constructor(message: string, options: { cause?: unknown; retryAfterMs?: number; progressed?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.progressed = options.progressed ?? false;
  }
}

export interface RetryOptions {
  policy: RetryPolicy;
  signal: AbortSignal;
  /** Called before each wait. */
  onRetry(failure: TransientFailure, waitMs: number): void;
}

/** The first result. Throws the signal's reason, what is not a TransientFailure at once, or the last of too many. */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { policy, signal } = options;
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransientFailure)) throw error;
      if (error.progressed) failures = 1;
      if (failures >= policy.attempts || error.retryAfterMs > policy.maxRetryAfterMs) throw error;
      const waitMs = Math.max(backoff(failures, policy), error.retryAfterMs);
      options.onRetry(error, waitMs);
      await sleep(waitMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** Between half of the exponential wait and all of it. */
function backoff(failures: number, policy: RetryPolicy): number {
  const wait = Math.min(policy.maxMs, policy.baseMs * 2 ** (failures - 1));
  return wait * (0.5 + Math.random() / 2);
}

/** `Retry-After` in milliseconds: seconds or an HTTP date (RFC 9110 §10.2.3); 0 when absent or not understood. */
export function parseRetryAfter(value: string | null, now: number = Date.now()): number {
  if (value === null) return 0;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
