/** The 429s, and the `x-ratelimit-*` headers, in the form OpenAI's clients read. */
import { GatewayError } from './errors.ts';

export interface Allowance {
  /** What is counted: `requests`, or `audio-seconds`. */
  unit: 'requests' | 'audio-seconds';
  limit: number;
  remaining: number;
  /** Until all of it is there again. */
  resetSeconds: number;
}

export function allowanceHeaders({ unit, limit, remaining, resetSeconds }: Allowance): Record<string, string> {
  return {
    [`x-ratelimit-limit-${unit}`]: String(limit),
    [`x-ratelimit-remaining-${unit}`]: String(Math.max(0, Math.floor(remaining))),
    [`x-ratelimit-reset-${unit}`]: formatDuration(resetSeconds),
  };
}

/** As Go writes durations: `20ms`, `1.2s`, `6m0s`, `14h3m0s`. */
export function formatDuration(seconds: number): string {
  const ms = Math.max(0, Math.ceil(seconds * 1000));
  if (ms < 1000) return `${ms}ms`;
  if (ms < 60_000) return `${ms / 1000}s`;
  const whole = Math.ceil(ms / 1000);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return `${hours > 0 ? `${hours}h` : ''}${minutes}m${whole % 60}s`;
}

/** @param waitSeconds until the next request may come. */
export function rateExceeded(allowance: Allowance, waitSeconds: number): GatewayError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitSeconds));
  return new GatewayError('rate_limit_exceeded', {
    message: `Rate limit reached: this key may send ${allowance.limit} requests per minute. Try again in ${retryAfterSeconds} s.`,
    retryAfterSeconds,
    headers: allowanceHeaders(allowance),
  });
}

export function concurrencyExceeded(limit: number): GatewayError {
  return new GatewayError('concurrency_limit_exceeded', {
    message: `This key may have ${limit} unfinished ${limit === 1 ? 'job or request' : 'jobs and requests'} at a time. Try again when one has ended.`,
    retryAfterSeconds: 1,
  });
}

export function quotaExhausted(span: 'day' | 'month', allowance: Omit<Allowance, 'unit'>): GatewayError {
  return new GatewayError('insufficient_quota', {
    message:
      `This key may use ${allowance.limit} seconds of audio a ${span} (UTC); ${allowance.remaining} are left, ` +
      'which is not enough. Send shorter audio, or wait until more are there.',
    retryAfterSeconds: Math.max(1, Math.ceil(allowance.resetSeconds)),
    headers: allowanceHeaders({ unit: 'audio-seconds', ...allowance }),
  });
}
