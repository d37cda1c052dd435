import { expect, test } from 'vitest';
import { keyState } from '../../frontend/src/features/keys/key-state.ts';

const KEY = { revoked_at: null, expires_at: null, previous_secret_expires_at: null };

test.each([
  ['active', {}],
  ['active', { expires_at: 101, previous_secret_expires_at: 99 }],
  ['overlapping', { previous_secret_expires_at: 101 }],
  ['expired', { expires_at: 100, previous_secret_expires_at: 101 }],
  ['revoked', { revoked_at: 5, expires_at: 6 }],
])('%s: %j', (state, fields) => {
  expect(keyState({ ...KEY, ...fields }, 100)).toBe(state);
});
