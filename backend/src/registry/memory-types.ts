/** What is known and wished of models' memory and places; the store keeps both, the registry declares them. Types only. */
import type { DeviceKind } from '../models/define-model.ts';

/** What loading a model was measured to take, for one combination of what it depends on. */
export interface Footprint {
  model: string;
  /** null where the model has no choice. */
  precision: string | null;
  /** null: the model's own. */
  maxBatch: number | null;
  deviceKind: DeviceKind;
  /** Of the device's memory once loaded and warmed up; of resident memory on a CPU. */
  loadedBytes: number;
  /** The most there ever was under load. */
  peakBytes: number;
  /** Of the last load, from the start of its worker to its being ready; null where none was timed. */
  loadSeconds: number | null;
}

export interface FootprintStore {
  read(): Promise<Footprint[]>;
  /** Keeps the larger peak of the old and the new, and the new loaded bytes; null leaves the seconds as they are. */
  record(footprint: Footprint): Promise<void>;
}

/** Where an operator wants a model to be loaded, and how. */
export interface Preference {
  model: string;
  /** `cpu`, `cuda:N` or a GPU's UUID. */
  devices: string[];
  replicasPerDevice: number;
  /** null, here and below: the default. */
  precision: string | null;
  /** −1: for ever. */
  keepAliveSeconds: number | null;
  maxBatch: number | null;
}

export interface PreferenceStore {
  read(): Promise<Preference[]>;
  /** Replaces the model's. */
  save(preference: Preference): Promise<void>;
  remove(model: string): Promise<void>;
}
