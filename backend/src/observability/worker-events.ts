/** Counts starts, failed loads and crashes of workers, from how their replicas change. */
import { Counter, type Registry } from 'prom-client';
import type { AdminModel } from '../contract/admin.ts';
import { ReplicaChanges } from './replica-changes.ts';

const LABELS = ['model', 'device'] as const;

export class WorkerEvents {
  readonly #starts: Counter<'model' | 'device'>;
  readonly #failedLoads: Counter<'model' | 'device'>;
  readonly #crashes: Counter<'model' | 'device'>;
  readonly #changes = new ReplicaChanges();

  constructor(registers: Registry[]) {
    const counter = (name: string, help: string) => new Counter({ name, help, labelNames: LABELS, registers });
    this.#starts = counter('audio_gateway_worker_starts_total', 'Worker processes started, restarts included.');
    this.#failedLoads = counter('audio_gateway_worker_load_failures_total', 'Workers that could not load their model.');
    this.#crashes = counter('audio_gateway_worker_crashes_total', 'Workers that died while their model was loaded.');
  }

  note(changed: Pick<AdminModel, 'id' | 'replicas'>): void {
    for (const { type, model, replica } of this.#changes.note(changed)) {
      const labels = { model, device: replica.device };
      if (type === 'appeared') {
        // A crash that never was is 0, not nothing: a rate needs a first value.
        for (const counter of [this.#starts, this.#failedLoads, this.#crashes]) counter.inc(labels, 0);
      }
      if (type === 'starting') this.#starts.inc(labels);
      if (type === 'load_failed') this.#failedLoads.inc(labels);
      if (type === 'crashed') this.#crashes.inc(labels);
    }
  }
}
