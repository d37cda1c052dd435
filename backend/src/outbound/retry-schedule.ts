/** When a webhook is tried again: the schedule that Standard Webhooks recommends, about 76 hours in all. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Wait after the first failed attempt, the second, …; one attempt more than there are waits. */
const WAITS_MS = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
export const MAX_ATTEMPTS = WAITS_MS.length + 1;
/** A wait is longer by up to this part of itself, so that receivers which were away do not get everything at once. */
const JITTER = 0.2;
/** The longest Retry-After that is heeded. */
const MAX_RETRY_AFTER_MS = 24 * HOUR;

export interface FailedAttempt {
  /** How many attempts have failed, this one included: 1 or more. */
  attempts: number;
  /** The receiver wants no more (410). */
  gone: boolean;
  /** What it asked to wait; 0 when it asked nothing. */
  retryAfterMs: number;
}

/** Milliseconds to the next attempt; undefined when there is none and the message is dead. `random` is in [0, 1). */
export function nextAttemptDelayMs(
  { attempts, gone, retryAfterMs }: FailedAttempt,
  random: number = Math.random(),
): number | undefined {
  const wait = WAITS_MS[attempts - 1];
  if (gone || wait === undefined) return undefined;
  return Math.max(wait * (1 + random * JITTER), Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
}
