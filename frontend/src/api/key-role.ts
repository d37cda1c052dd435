/** What a key opens, found out before it becomes the session's. */
import { api } from './api.ts';
import { getOwnKey } from './own-key.ts';
import type { Role } from './session.ts';

/** @throws ApiError `refused` when the key is not accepted. */
export async function roleOfKey(apiKey: string, signal?: AbortSignal): Promise<Role> {
  const { role } = await api(getOwnKey, {}, { apiKey, signal });
  return role;
}

/** A header cannot carry what is not visible ASCII; fetch would fail with a message about neither. */
export function isSendable(apiKey: string): boolean {
  return /^[\x21-\x7e]+$/.test(apiKey);
}
