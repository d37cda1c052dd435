import { type AdminModel, adminModelList } from '@contract/admin.ts';
import { queryOptions } from '@tanstack/react-query';
import { mergeByRev } from '../lib/merge-by-rev.ts';
import { requestJson } from './request-json.ts';

/** Without the key: one session at a time, and its end removes the data. */
export const MODELS_KEY = ['models'];

export function modelsQuery(adminKey: string) {
  return queryOptions({
    queryKey: MODELS_KEY,
    queryFn: async ({ client, signal }) => {
      const before = client.getQueryData<AdminModel[]>(MODELS_KEY);
      const { data } = await requestJson('/api/admin/models', adminModelList, { signal, adminKey });
      const now = client.getQueryData<AdminModel[]>(MODELS_KEY);
      // Unless the stream wrote meanwhile this answer is the truth, also when a restarted server counts `rev` from 0.
      return now === undefined || now === before ? data : mergeByRev(now, data);
    },
  });
}
