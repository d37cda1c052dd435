/** What is under way on the server or from this page, and how the last ones ended: for the drawer in the header. */
import type { AdminModel } from '@contract/admin.ts';
import type { QueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { listeners } from '../lib/listeners.ts';
import { modelsQuery } from './models.ts';

export type OperationKind = 'download' | 'load' | 'unload' | 'job' | 'other';

export interface Operation {
  id: string;
  kind: OperationKind;
  /** What it is done to: a model's id, a job's. */
  subject: string;
  /** 0 … 1, where that is known. */
  progress?: number | undefined;
  state: 'running' | 'succeeded' | 'failed' | 'cancelled';
  reason?: string | undefined;
  /** Unix seconds; of the page's clock. */
  endedAt?: number;
}

const KEPT = 50;

let running: readonly Operation[] = [];
let finished: readonly Operation[] = [];
const changed = listeners();

export function useOperations(): { running: readonly Operation[]; finished: readonly Operation[] } {
  return {
    running: useSyncExternalStore(changed.subscribe, () => running),
    finished: useSyncExternalStore(changed.subscribe, () => finished),
  };
}

/** Adds it, or takes its new state; one that is not running any more moves to the finished ones. */
export function noteOperation(operation: Operation): void {
  const others = running.filter(({ id }) => id !== operation.id);
  if (operation.state === 'running') {
    running = [...others, operation];
  } else {
    running = others;
    finished = [{ endedAt: Date.now() / 1000, ...operation }, ...finished].slice(0, KEPT);
  }
  changed.tell();
}

export function forgetOperations(): void {
  running = [];
  finished = [];
  changed.tell();
}

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
