/** What models were measured to hold, by precision, batch and kind of device; the catalog's estimate until then. */
import type { DeviceKind } from '../models/define-model.ts';
import type { Footprint, FootprintStore } from './memory-types.ts';

export interface FootprintKey {
  model: string;
  precision: string | null;
  maxBatch: number | null;
  deviceKind: DeviceKind;
}

export class Footprints {
  readonly #known = new Map<string, Footprint>();
  readonly #store: FootprintStore;
  readonly #onError: (error: unknown) => void;

  constructor(store: FootprintStore, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  async open(): Promise<void> {
    for (const footprint of await this.#store.read()) this.#known.set(keyOf(footprint), footprint);
  }

  find(key: FootprintKey): Footprint | undefined {
    return this.#known.get(keyOf(key));
  }

  /** `seconds`: of a load. */
  note(key: FootprintKey, { loaded, peak, seconds }: { loaded: number; peak: number; seconds?: number }): void {
    const known = this.find(key);
    const footprint = {
      ...key,
      loadedBytes: loaded,
      peakBytes: Math.max(peak, known?.peakBytes ?? 0),
      loadSeconds: seconds ?? known?.loadSeconds ?? null,
    };
    this.#known.set(keyOf(key), footprint);
    this.#store.record(footprint).catch(this.#onError);
  }
}

function keyOf({ model, precision, maxBatch, deviceKind }: FootprintKey): string {
  return JSON.stringify([model, precision, maxBatch, deviceKind]);
}
