/** Where operators want models to be loaded: applied again at every start. */
import { type Generated, type Kysely, sql } from 'kysely';
import type { Preference, PreferenceStore as Preferences } from '../registry/memory-types.ts';
import type { Schema } from './schema.ts';

export interface PreferenceTable {
  model: string;
  devices: string[];
  replicas_per_device: number;
  precision: string | null;
  /** −1: for ever. */
  keep_alive_seconds: number | null;
  max_batch: number | null;
  updated_at: Generated<Date>;
}

export class PreferenceStore implements Preferences {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Sorted by model. */
  async read(): Promise<Preference[]> {
    const rows = await this.#db.selectFrom('model_preferences').selectAll().orderBy('model').execute();
    return rows.map((row) => ({
      model: row.model,
      devices: row.devices,
      replicasPerDevice: row.replicas_per_device,
      precision: row.precision,
      keepAliveSeconds: row.keep_alive_seconds,
      maxBatch: row.max_batch,
    }));
  }

  async save({ model, ...preference }: Preference): Promise<void> {
    const columns = {
      devices: preference.devices,
      replicas_per_device: preference.replicasPerDevice,
      precision: preference.precision,
      keep_alive_seconds: preference.keepAliveSeconds,
      max_batch: preference.maxBatch,
    };
    await this.#db
      .insertInto('model_preferences')
      .values({ model, ...columns })
      .onConflict((conflict) => conflict.column('model').doUpdateSet({ ...columns, updated_at: sql`now()` }))
      .execute();
  }

  async remove(model: string): Promise<void> {
    await this.#db.deleteFrom('model_preferences').where('model', '=', model).execute();
  }
}
