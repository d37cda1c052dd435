/** What is kept of models: footprints, preferences, registrations. */
import { describe, expect, it } from 'vitest';
import type { Footprint, Preference } from '../../backend/src/registry/memory-types.ts';
import { exportAudit } from '../../backend/src/store/audit.ts';
import { FootprintStore } from '../../backend/src/store/footprints.ts';
import { PreferenceStore } from '../../backend/src/store/preferences.ts';
import { type RegisteredModel, RegisteredModelStore } from '../../backend/src/store/registered-models.ts';
import { openTestDatabase } from '../support/open-test-database.ts';

const GIB = 2 ** 30;
const footprint: Footprint = {
  model: 'whisper-tiny',
  precision: null,
  maxBatch: null,
  deviceKind: 'cuda',
  loadedBytes: 100 * GIB,
  peakBytes: 120 * GIB,
  loadSeconds: 12.5,
};
const preference: Preference = {
  model: 'whisper-tiny',
  devices: ['cuda:1', 'cpu', 'GPU-8f1c"{,}'],
  replicasPerDevice: 2,
  precision: 'fp32/q8',
  keepAliveSeconds: -1,
  maxBatch: 4,
};

describe('footprints', () => {
  it('keep the larger peak and the newest load, for each combination apart', async () => {
    const { db } = await openTestDatabase();
    const store = new FootprintStore(db);
    await store.record(footprint);
    // A peak that is noted later says nothing of the load.
    await store.record({ ...footprint, loadedBytes: 90 * GIB, peakBytes: 110 * GIB, loadSeconds: null });
    expect(await store.read()).toEqual([{ ...footprint, loadedBytes: 90 * GIB }]);
    await store.record({ ...footprint, peakBytes: 130 * GIB });
    const others: Partial<Footprint>[] = [
      { precision: 'fp16' },
      { maxBatch: 4 },
      { deviceKind: 'cpu' },
      { model: 'x' },
    ];
    for (const other of others) await store.record({ ...footprint, ...other, peakBytes: 1.4 });
    const found = await store.read();
    expect(found).toHaveLength(5);
    expect(found).toContainEqual({ ...footprint, peakBytes: 130 * GIB });
    expect(found).toContainEqual({ ...footprint, maxBatch: 4, peakBytes: 1 });
  });

  it('of two gateways that measure at once, the larger peak wins', async () => {
    const { db } = await openTestDatabase();
    const store = new FootprintStore(db);
    const peaks = Array.from({ length: 20 }, (_, index) => ((index * 7) % 20) + 1);
    await Promise.all(peaks.map((peakBytes) => store.record({ ...footprint, peakBytes })));
    expect(await store.read()).toMatchObject([{ peakBytes: 20 }]);
  });
});

it('preferences are replaced as a whole and removed', async () => {
  const { db } = await openTestDatabase();
  const store = new PreferenceStore(db);
  const bare = { ...preference, devices: [], precision: null, keepAliveSeconds: null, maxBatch: null };
  await store.save(preference);
  await store.save({ ...preference, model: 'a' });
  expect(await store.read()).toEqual([{ ...preference, model: 'a' }, preference]);
  await store.save(bare);
  await store.save({ ...preference, model: 'a', keepAliveSeconds: 0.5 });
  expect(await store.read()).toEqual([{ ...preference, model: 'a', keepAliveSeconds: 0.5 }, bare]);
  await store.remove('a');
  await store.remove('none');
  expect(await store.read()).toEqual([bare]);
});

describe('registered models', () => {
  const own: RegisteredModel = {
    id: 'own',
    family: 'whisper',
    repo: 'acme/own',
    revision: 'main',
    settings: { languages: ['en'], dtypes: { cpu: 'fp32' }, note: 'null\\u0000 “é”' },
  };

  it('are kept once, with their audit row or not at all', async () => {
    const { db } = await openTestDatabase();
    const store = new RegisteredModelStore(db);
    const outcomes = await Promise.all([1, 2, 3].map(() => store.add('key_1', own)));
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect(await store.read()).toEqual([own]);
    const rows = [];
    for await (const row of exportAudit(db)) rows.push(row);
    expect(rows).toMatchObject([{ actor: 'key_1', action: 'model.register', subject: 'own', result: 'success' }]);
  });

  it('take what was wished and measured of them along', async () => {
    const { db } = await openTestDatabase();
    const store = new RegisteredModelStore(db);
    await store.add('key_1', own);
    for (const model of ['own', 'other']) {
      await new FootprintStore(db).record({ ...footprint, model });
      await new PreferenceStore(db).save({ ...preference, model });
    }
    await store.remove('key_1', 'own');
    expect(await store.read()).toEqual([]);
    expect(await new FootprintStore(db).read()).toMatchObject([{ model: 'other' }]);
    expect(await new PreferenceStore(db).read()).toMatchObject([{ model: 'other' }]);
  });
});
