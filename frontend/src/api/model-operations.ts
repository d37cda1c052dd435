/** Downloads and loads of models, as operations; apart from these, as the page's first script has no models. */
import type { AdminModel } from '@contract/admin.ts';
import type { QueryClient } from '@tanstack/react-query';
import { modelsQuery } from './models.ts';
import { noteOperation, type Operation } from './operations.ts';

/** Keeps the downloads and loads of the model list among the operations. @returns what ends that. */
export function followModelOperations(client: QueryClient): () => void {
  let before = new Map<string, AdminModel>();
  return client.getQueryCache().subscribe(({ type, query }) => {
    if (type !== 'updated' || query.queryKey[0] !== modelsQuery.queryKey[0] || query.queryKey.length > 1) return;
    const models = client.getQueryData(modelsQuery.queryKey) ?? [];
    for (const model of models) {
      const old = before.get(model.id);
      if (old === model) continue;
      for (const operation of modelOperations(old, model)) noteOperation(operation);
    }
    before = new Map(models.map((model) => [model.id, model]));
  });
}

/** What a change of a model says of its operations. */
export function modelOperations(before: AdminModel | undefined, after: AdminModel): Operation[] {
  const operations: Operation[] = [];
  const { id, files, status } = after;
  const download = { id: `download ${id}`, kind: 'download', subject: id } as const;
  if (files.state === 'downloading') {
    const progress = files.total_bytes > 0 ? files.bytes / files.total_bytes : undefined;
    operations.push({ ...download, state: 'running', progress });
  } else if (before?.files.state === 'downloading') {
    const state = ({ present: 'succeeded', failed: 'failed', absent: 'cancelled' } as const)[files.state];
    operations.push({ ...download, state, reason: files.reason ?? undefined });
  }
  const load = { id: `load ${id}`, kind: 'load', subject: id } as const;
  if (status === 'loading') {
    operations.push({ ...load, state: 'running' });
  } else if (before?.status === 'loading') {
    const state = status === 'ready' ? 'succeeded' : status === 'failed' ? 'failed' : 'cancelled';
    operations.push({ ...load, state, reason: after.reason ?? undefined });
  }
  return operations;
}
