/** What a key opens, found out before it becomes the session's. */
import { adminModelList } from '@contract/admin.ts';
import { api, defineRoute } from './api.ts';
import { ApiError } from './api-error.ts';
import type { Role } from './session.ts';

const listAdminModels = defineRoute({ method: 'GET', path: '/api/admin/models', answer: adminModelList });

/** @throws ApiError `refused` when the key is not accepted. */
export async function roleOfKey(apiKey: string, signal?: AbortSignal): Promise<Role> {
  try {
    await api(listAdminModels, {}, { apiKey, signal });
    return 'admin';
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return 'user';
    throw error;
  }
}

/** A header cannot carry what is not visible ASCII; fetch would fail with a message about neither. */
export function isSendable(apiKey: string): boolean {
  return /^[\x21-\x7e]+$/.test(apiKey);
}
