/** What is under way on the server or from this page, and how the last ones ended: for the drawer in the header. */
import { useSyncExternalStore } from 'react';
import { listeners } from '../lib/listeners.ts';

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
