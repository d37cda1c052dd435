/** A count of what plans depend on: devices, replicas and wishes. Downloads, requests and words do not move it. */
import type { DeviceState } from './devices.ts';
import type { ServedModel } from './served-model.ts';

interface PlacementSource {
  models(): Iterable<Pick<ServedModel, 'id' | 'preference' | 'replicas'>>;
  devices(): readonly Pick<DeviceState, 'id' | 'unavailable'>[];
}

export class PlacementRev {
  readonly #models: PlacementSource['models'];
  readonly #devices: PlacementSource['devices'];
  #rev = 1;
  #seen: string;

  constructor({ models, devices }: PlacementSource) {
    this.#models = models;
    this.#devices = devices;
    this.#seen = this.#describe();
  }

  /** Greater than before where something has moved since it was last asked for. */
  get current(): number {
    const now = this.#describe();
    if (now !== this.#seen) this.#rev += 1;
    this.#seen = now;
    return this.#rev;
  }

  #describe(): string {
    const models = [...this.#models()].map(({ id, preference, replicas }) => ({
      id,
      preference,
      replicas: replicas.flatMap(({ resident, wish }) =>
        resident === undefined ? [] : { id: resident.id, device: resident.device, state: resident.state, wish },
      ),
    }));
    const devices = this.#devices().map(({ id, unavailable }) => ({ id, unavailable }));
    return JSON.stringify({ models, devices });
  }
}
