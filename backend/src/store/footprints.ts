/** The memory that models were measured to take, per precision, batch and kind of device. */
import { type Generated, type Kysely, sql } from 'kysely';
import type { Footprint, FootprintStore as Footprints } from '../registry/memory-types.ts';
import type { Schema } from './schema.ts';

export interface FootprintTable {
  model: string;
  /** '' where the model has no choice: a part of a primary key cannot be null. */
  precision: string;
  /** 0: the model's own. */
  max_batch: number;
  device_kind: Footprint['deviceKind'];
  loaded_bytes: number;
  peak_bytes: number;
  /** Of the last load. */
  load_seconds: number | null;
  measured_at: Generated<Date>;
}

export class FootprintStore implements Footprints {
  readonly #db: Kysely<Schema>;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  async read(): Promise<Footprint[]> {
    const rows = await this.#db.selectFrom('footprints').selectAll().execute();
    return rows.map((row) => ({
      model: row.model,
      precision: row.precision === '' ? null : row.precision,
      maxBatch: row.max_batch === 0 ? null : row.max_batch,
      deviceKind: row.device_kind,
      loadedBytes: row.loaded_bytes,
      peakBytes: row.peak_bytes,
      loadSeconds: row.load_seconds,
    }));
  }

  async record({
    model,
    precision,
    maxBatch,
    deviceKind,
    loadedBytes,
    peakBytes,
    loadSeconds,
  }: Footprint): Promise<void> {
    await this.#db
      .insertInto('footprints')
      .values({
        model,
        precision: precision ?? '',
        max_batch: maxBatch ?? 0,
        device_kind: deviceKind,
        // Of a mean or a sample there may be fractions.
        loaded_bytes: Math.round(loadedBytes),
        peak_bytes: Math.round(peakBytes),
        load_seconds: loadSeconds,
      })
      .onConflict((conflict) =>
        conflict.columns(['model', 'precision', 'max_batch', 'device_kind']).doUpdateSet({
          loaded_bytes: sql`excluded.loaded_bytes`,
          peak_bytes: sql`greatest(footprints.peak_bytes, excluded.peak_bytes)`,
          load_seconds: sql`coalesce(excluded.load_seconds, footprints.load_seconds)`,
          measured_at: sql`now()`,
        }),
      )
      .execute();
  }
}
