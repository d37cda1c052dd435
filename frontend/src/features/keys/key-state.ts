import type { ApiKey } from '@contract/keys.ts';

export const KEY_STATES = ['active', 'overlapping', 'expired', 'revoked'] as const;
export type KeyState = (typeof KEY_STATES)[number];

/** `overlapping`: the secret from before the last rotation works too. @param now Unix seconds */
export function keyState(
  key: Pick<ApiKey, 'revoked_at' | 'expires_at' | 'previous_secret_expires_at'>,
  now: number,
): KeyState {
  if (key.revoked_at !== null) return 'revoked';
  if (key.expires_at !== null && key.expires_at <= now) return 'expired';
  return key.previous_secret_expires_at !== null && key.previous_secret_expires_at > now ? 'overlapping' : 'active';
}
