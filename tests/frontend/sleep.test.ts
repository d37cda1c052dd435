import { expect, test } from 'vitest';
import { sleep } from '../../frontend/src/lib/sleep.ts';

const LONG_MS = 60_000;

test('resolves when the time is over', async () => {
  await sleep(1, new AbortController().signal);
});

test('resolves at the abort', async () => {
  const abort = new AbortController();
  const slept = sleep(LONG_MS, abort.signal);
  abort.abort();
  await slept;
  expect(abort.signal.aborted).toBe(true);
});

test('does not begin when the abort came before', async () => {
  await sleep(LONG_MS, AbortSignal.abort());
});
