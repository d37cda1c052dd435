/** Where a model shall live and how: the operator's order, or what follows from the machine without one. */
import { GatewayError } from '../errors.ts';
import type { DeviceKind } from '../models/define-model.ts';
import type { CatalogEntry } from './catalog.ts';
import { type ChosenDtype, chooseDtype } from './choose-dtype.ts';
import { CPU, type DeviceState, type Devices } from './devices.ts';
import type { FootprintKey, Footprints } from './footprints.ts';
import type { Preference } from './memory-types.ts';
import type { Need } from './placement.ts';
import type { LoadOrder } from './registry-request.ts';

/** A device, and how many replicas it shall have. */
export interface Place {
  device: DeviceState;
  count: number;
}

export interface Places {
  /** All of them, or the best one. */
  on: Need['on'];
  places: Place[];
}

export class ModelWish {
  readonly #item: CatalogEntry;
  readonly #devices: Devices;
  readonly #footprints: Footprints;
  /** The operator's order; written by `ServedModel`. */
  preference: Preference | undefined;

  constructor(item: CatalogEntry, devices: Devices, footprints: Footprints, preference?: Preference) {
    this.#item = item;
    this.#devices = devices;
    this.#footprints = footprints;
    this.preference = preference;
  }

  /** What would be wished with that order. */
  withOrder(preference: Preference): ModelWish {
    return new ModelWish(this.#item, this.#devices, this.#footprints, preference);
  }

  /** The operator's devices as far as they work; else any GPU, and without one the CPU. */
  places(): Places {
    const all = this.#devices.list();
    const { preference } = this;
    const wished = preference?.devices.flatMap((id) => all.find((device) => device.id === id) ?? []) ?? [];
    const working = wished.filter(({ unavailable }) => unavailable === null);
    if (working.length > 0) {
      const count = preference?.replicasPerDevice ?? 1;
      return { on: 'each', places: working.map((device) => ({ device, count })) };
    }
    // What the driver does not list at the moment is a GPU all the same.
    const kind = preference?.devices.some((id) => id !== CPU) ? 'cuda' : preference && CPU;
    return { on: 'any', places: this.#anywhere(kind).map((device) => ({ device, count: 1 })) };
  }

  cpu(): DeviceState {
    const cpu = this.#devices.list().find(({ id }) => id === CPU);
    if (cpu === undefined) throw new Error('there is no CPU');
    return cpu;
  }

  /** Kind of the devices it shall live on. */
  get kind(): DeviceKind {
    return this.places().places[0]?.device.kind ?? 'cpu';
  }

  /** The precision for a kind of device, and its files. @throws Error naming the precisions there are */
  chosen(kind: DeviceKind, precision = this.preference?.precision): ChosenDtype {
    return chooseDtype(this.#item.definition, kind, precision ?? this.#item.dtype);
  }

  /** Replicas of one key are started alike. */
  key(kind: DeviceKind): string {
    return JSON.stringify([this.chosen(kind).dtype ?? null, this.preference?.maxBatch ?? null]);
  }

  footprintKey(deviceKind: DeviceKind): FootprintKey {
    const precision = this.chosen(deviceKind).dtype ?? null;
    return { model: this.#item.definition.id, precision, maxBatch: this.preference?.maxBatch ?? null, deviceKind };
  }

  isMeasured(kind: DeviceKind): boolean {
    return this.#footprints.find(this.footprintKey(kind)) !== undefined;
  }

  /** Of the last load like it; undefined before the first. */
  loadSeconds(kind: DeviceKind): number | undefined {
    return this.#footprints.find(this.footprintKey(kind))?.loadSeconds ?? undefined;
  }

  /** What a replica counts for: the most one like it ever held, or the catalog's estimate. */
  bytesOn(kind: DeviceKind): number {
    const { definition } = this.#item;
    return this.#footprints.find(this.footprintKey(kind))?.peakBytes ?? definition.memory.estimateBytes;
  }

  need({ on, places }: Places): Omit<Need, 'marginBytes'> {
    const candidates = places.map(({ device, count }) => {
      return { device: device.id, count, bytesPerReplica: this.bytesOn(device.kind) };
    });
    return { model: this.#item.definition.id, on, candidates };
  }

  /** @throws invalid_value */
  requirePrecision({ devices, precision }: LoadOrder): void {
    try {
      for (const { kind } of devices) this.chosen(kind, precision ?? undefined);
    } catch (error) {
      const message = `${error instanceof Error ? error.message : error}.`;
      throw new GatewayError('invalid_value', { message, param: 'precision' });
    }
  }

  /** Milliseconds without a request after which it is unloaded; 0 = never. */
  idleTimeoutMs(usual: number): number {
    const seconds = this.preference?.keepAliveSeconds ?? null;
    if (seconds === null) return usual;
    // 0 is at once, which is not never.
    return seconds < 0 ? 0 : Math.max(1, seconds * 1000);
  }

  /** Of GPUs, those that work: where there is one, a model goes to no other kind. */
  #anywhere(wished: DeviceKind | undefined): DeviceState[] {
    if (wished === 'cpu') return [this.cpu()];
    const gpus = this.#devices.list().filter(({ kind }) => kind === 'cuda');
    const working = gpus.filter(({ unavailable }) => unavailable === null);
    if (working.length > 0) return working;
    // GPUs that are gone, wished or only for now, are named in the refusal: nothing slips to the CPU meanwhile.
    return wished === 'cuda' || gpus.some(({ mayReturn }) => mayReturn) ? gpus : [this.cpu()];
  }
}
