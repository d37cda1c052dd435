import { QueryClient } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { untilFetched } from '../../frontend/src/lib/until-fetched.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function isOver(waiting: Promise<void>): Promise<boolean> {
  return Promise.race([waiting.then(() => true), vi.advanceTimersByTimeAsync(10).then(() => false)]);
}

it('waits for every fetch that is under way, and for none where there is none', async () => {
  const client = new QueryClient();
  expect(await isOver(untilFetched(client))).toBe(true);
  const answers = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  for (const [index, { promise }] of answers.entries()) {
    void client.prefetchQuery({ queryKey: [index], queryFn: () => promise });
  }
  const waiting = untilFetched(client);
  expect(await isOver(waiting)).toBe(false);
  answers[0]?.resolve(1);
  expect(await isOver(waiting)).toBe(false);
  answers[1]?.resolve(2);
  expect(await isOver(waiting)).toBe(true);
});

it('does not wait for ever', async () => {
  const client = new QueryClient();
  void client.prefetchQuery({ queryKey: ['never'], queryFn: () => new Promise(() => {}) });
  const waiting = untilFetched(client);
  await vi.advanceTimersByTimeAsync(2_980);
  expect(await isOver(waiting)).toBe(false);
  await vi.advanceTimersByTimeAsync(20);
  expect(await isOver(waiting)).toBe(true);
});
