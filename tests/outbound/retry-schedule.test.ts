import { expect, it } from 'vitest';
import { MAX_ATTEMPTS, nextAttemptDelayMs } from '../../backend/src/outbound/retry-schedule.ts';

const failed = (attempts: number) => ({ attempts, gone: false, retryAfterMs: 0 });
const HOUR = 3_600_000;

it('waits 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, and then no more', () => {
  const waits = Array.from({ length: MAX_ATTEMPTS }, (_, index) => nextAttemptDelayMs(failed(index + 1), 0));
  const seconds = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
  expect(waits).toEqual([...seconds.map((wait) => wait * 1000), undefined]);
});

it('a wait is longer by up to a fifth, never shorter', () => {
  expect(nextAttemptDelayMs(failed(2), 0.5)).toBeCloseTo(330_000);
  for (let count = 0; count < 100; count++) {
    const wait = nextAttemptDelayMs(failed(1));
    expect(wait).toBeGreaterThanOrEqual(5000);
    expect(wait).toBeLessThan(6000);
  }
});

it('waits as long as the receiver asks, up to a day', () => {
  expect(nextAttemptDelayMs({ attempts: 1, gone: false, retryAfterMs: 90_000 }, 0)).toBe(90_000);
  expect(nextAttemptDelayMs({ attempts: 2, gone: false, retryAfterMs: 90_000 }, 0)).toBe(300_000);
  expect(nextAttemptDelayMs({ attempts: 1, gone: false, retryAfterMs: 99 * HOUR }, 0)).toBe(24 * HOUR);
});

it('a receiver that is gone is not tried again', () => {
  expect(nextAttemptDelayMs({ attempts: 1, gone: true, retryAfterMs: 0 })).toBeUndefined();
});
