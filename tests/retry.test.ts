import { expect, test } from 'vitest';
import { parseRetryAfter, retry, TransientFailure } from '../backend/src/retry.ts';

const policy = { attempts: 4, baseMs: 8, maxMs: 20, maxRetryAfterMs: 1000 };
const signal = new AbortController().signal;

/** Fails as often as told, and notes the waits. */
function failing(times: number, failure: () => Error) {
  const waits: number[] = [];
  let left = times;
  const attempt = async () => {
    if (left-- > 0) throw failure();
    return 'done';
  };
  const run = () => retry(attempt, { policy, signal, onRetry: (_, waitMs) => waits.push(waitMs) });
  return { run, waits };
}

test('waits double up to the longest, with jitter between half and all of each', async () => {
  const { run, waits } = failing(3, () => new TransientFailure('x'));
  expect(await run()).toBe('done');
  for (const [index, longest] of [8, 16, 20].entries()) {
    expect(waits[index]).toBeGreaterThanOrEqual(longest / 2);
    expect(waits[index]).toBeLessThanOrEqual(longest);
  }
});

test('the last of too many failures in a row is thrown; progress starts the count again', async () => {
  await expect(failing(4, () => new TransientFailure('x')).run()).rejects.toThrow('x');
  expect(await failing(12, () => new TransientFailure('x', { progressed: true })).run()).toBe('done');
});

test('what is not transient is thrown at once', async () => {
  const { run, waits } = failing(1, () => new Error('final'));
  await expect(run()).rejects.toThrow('final');
  expect(waits).toEqual([]);
});

test('Retry-After: seconds, a date, nothing, nonsense', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(parseRetryAfter('7', now)).toBe(7000);
  expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now)).toBe(30_000);
  expect(parseRetryAfter('Wed, 31 Dec 2025 00:00:30 GMT', now)).toBe(0);
  expect(parseRetryAfter(null, now)).toBe(0);
  expect(parseRetryAfter('soon', now)).toBe(0);
});
