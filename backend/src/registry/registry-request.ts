/** What services ask of a model, and operators of where it lives. Types only. */
import type { RunInput, Task, Tasks } from '../models/define-model.ts';
import type { DeviceState } from './devices.ts';

export interface RegistryRequest<T extends Task> {
  input: RunInput;
  params: Tasks[T]['params'];
  signal: AbortSignal;
  /** Left out when the caller gets nothing before the result: then a crash may be retried whatever was emitted. */
  onEvent?(event: Tasks[T]['event']): void;
  /** Events may come once more: a crash is retried whatever was emitted. */
  mayRepeatEvents?: boolean | undefined;
  /** Background work: `requestTimeoutMs` does not hold for it. */
  unlimited?: boolean | undefined;
  /** Whose it is (id of an API key): callers share a model's replicas fairly. */
  tenant?: string | undefined;
  /** Higher ones first; 0 for what somebody waits for. */
  priority?: number | undefined;
  /** Of audio, where known. */
  audioSeconds?: number | undefined;
  /** Milliseconds that the model stays loaded afterwards, instead of its own; Infinity = for ever. */
  keepAliveMs?: number | undefined;
  /** Ids of devices, one of which it must run on; a replica is started there if need be. */
  devices?: readonly string[] | undefined;
  /** Told when it has to wait, before anything else. */
  onQueued?(queue: { position: number; etaSeconds: number }): void;
  /** Told when it begins. */
  onPlaced?(place: { device: string; fallback: string | undefined }): void;
}

/** An operator's wish: every device gets that many replicas, and no other one any. */
export interface LoadOrder {
  devices: readonly DeviceState[];
  replicasPerDevice: number;
  precision: string | null;
  /** −1: for ever; null: the server's default. */
  keepAliveSeconds: number | null;
  maxBatch: number | null;
}
