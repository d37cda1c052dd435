/** Counts starts, failed loads and crashes of workers, from how their replicas change. */
import { Counter, type Registry } from 'prom-client';
import type { AdminModel } from '../contract/admin.ts';

type Replica = AdminModel['replicas'][number];
type Seen = Pick<Replica, 'state' | 'crashes_in_a_row'>;

const LABELS = ['model', 'device'] as const;

export class WorkerEvents {
  readonly #starts: Counter<'model' | 'device'>;
  readonly #failedLoads: Counter<'model' | 'device'>;
  readonly #crashes: Counter<'model' | 'device'>;
  /** Model → replica → how it was. */
  readonly #seen = new Map<string, Map<string, Seen>>();

  constructor(registers: Registry[]) {
    const counter = (name: string, help: string) => new Counter({ name, help, labelNames: LABELS, registers });
    this.#starts = counter('audio_gateway_worker_starts_total', 'Worker processes started, restarts included.');
    this.#failedLoads = counter('audio_gateway_worker_load_failures_total', 'Workers that could not load their model.');
    this.#crashes = counter('audio_gateway_worker_crashes_total', 'Workers that died while their model was loaded.');
  }

  note({ id: model, replicas }: Pick<AdminModel, 'id' | 'replicas'>): void {
    const before = this.#seen.get(model);
    for (const replica of replicas) this.#compare(model, replica, before?.get(replica.id));
    const now = replicas.map(({ id, state, crashes_in_a_row }) => [id, { state, crashes_in_a_row }] as const);
    this.#seen.set(model, new Map(now));
  }

  #compare(model: string, { device, state, crashes_in_a_row: crashes }: Replica, before: Seen | undefined): void {
    const labels = { model, device };
    if (before === undefined) {
      // A crash that never was is 0, not nothing: a rate needs a first value.
      for (const counter of [this.#starts, this.#failedLoads, this.#crashes]) counter.inc(labels, 0);
    }
    const was = before?.state ?? 'stopped';
    if (state === 'starting' && was !== 'starting') this.#starts.inc(labels);
    if (state === 'failed' && was !== 'failed') this.#failedLoads.inc(labels);
    if (was === 'ready' && state !== 'ready' && crashes > (before?.crashes_in_a_row ?? 0)) this.#crashes.inc(labels);
  }
}
