import { expect, test } from 'vitest';
import { createKeyRequest } from '../../backend/src/contract/keys.ts';
import {
  draftOf,
  draftProblems,
  type KeyDraft,
  NEW_KEY,
  toRequest,
} from '../../frontend/src/features/keys/key-draft.ts';

const NOW = Date.parse('2026-05-10T12:00:00Z') / 1000;
const problems = (change: Partial<KeyDraft>) => [...draftProblems({ ...NEW_KEY, name: 'desk', ...change }, NOW)];

test('the defaults limit a new key, and are a request that the server takes', () => {
  const request = createKeyRequest.parse(toRequest({ ...NEW_KEY, name: ' desk ' }));
  expect(request).toEqual({
    name: 'desk',
    scopes: { admin: false, tasks: null, models: null },
    limits: {
      requests_per_minute: 60,
      concurrent_jobs: 4,
      audio_seconds_per_day: 36_000,
      audio_seconds_per_month: null,
    },
    expires_at: null,
    webhook_url: null,
  });
  expect(problems({})).toEqual([]);
});

test('a key works to the end of its last day, and reads back as the same draft', () => {
  const draft = { ...NEW_KEY, name: 'desk', expiresOn: '2026-05-10', tasks: ['diarization'] as const };
  const { expires_at, ...request } = toRequest(draft);
  expect(expires_at).toBe(Date.parse('2026-05-11T00:00:00Z') / 1000);
  const record = createKeyRequest.parse({ ...request, expires_at });
  expect(draftOf({ ...record, expires_at, webhook_url: null } as unknown as Parameters<typeof draftOf>[0])).toEqual(
    draft,
  );
});

test.each<[keyof KeyDraft, KeyDraft[keyof KeyDraft]]>([
  ['name', '  '],
  ['name', 'x'.repeat(101)],
  ['tasks', []],
  ['models', []],
  ['requestsPerMinute', '0'],
  ['concurrentJobs', '1.5'],
  ['minutesPerDay', '-1'],
  ['minutesPerMonth', 'many'],
  ['expiresOn', '2026-05-09'],
  ['webhookUrl', 'example.org/hook'],
])('%s cannot be %j', (field, value) => {
  expect(problems({ [field]: value })).toEqual([field]);
});

test.each<[keyof KeyDraft, string]>([
  ['requestsPerMinute', ''],
  ['minutesPerDay', '0'],
  ['minutesPerDay', '0.5'],
  ['expiresOn', '2026-05-10'],
])('%s can be %j', (field, value) => {
  expect(problems({ [field]: value })).toEqual([]);
});
