import { expect, test } from 'vitest';
import { firstDay, startOfNext, usageDays } from '../../frontend/src/features/keys/usage-days.ts';

test('days without use are there, over the end of a month', () => {
  const data = [{ name: '2026-03-01', audio_seconds: 90, requests: 2 }];
  expect(usageDays({ from: '2026-02-28', to: '2026-03-02', data })).toEqual([
    { day: '2026-02-28', seconds: 0, requests: 0 },
    { day: '2026-03-01', seconds: 90, requests: 2 },
    { day: '2026-03-02', seconds: 0, requests: 0 },
  ]);
});

test('a range ends today', () => {
  const now = Date.parse('2026-03-02T23:59:59Z');
  expect([firstDay(1, now), firstDay(7, now)]).toEqual(['2026-03-02', '2026-02-24']);
});

test('limits begin anew at midnight UTC and on the first', () => {
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString();
  expect(iso(startOfNext('day', '2026-12-31'))).toBe('2027-01-01T00:00:00.000Z');
  expect(iso(startOfNext('month', '2026-01-31'))).toBe('2026-02-01T00:00:00.000Z');
});
