/** Live events of one model: newer ones change it, older ones do not. */
import { describe, expect, test } from 'vitest';
import type { ReleaseProof } from '../../backend/src/contract/admin.ts';
import { hasMoved, withProgress, withProof, withReplica } from '../../frontend/src/api/model-events.ts';
import { adminModel, adminReplica } from '../support/admin-model.ts';

const model = adminModel({ id: 'a', rev: 5, replicas: [adminReplica({ id: 'a#0', state: 'starting' })] });
const files = { ...model.files, state: 'downloading' as const, bytes: 10 };

describe('live events of a model', () => {
  test('progress changes the files only, and not those of a later state', () => {
    expect(withProgress(model, 5, files)).toEqual({ ...model, files });
    expect(withProgress(model, 4, files)).toBe(model);
  });

  test('a replica takes the place of the one with its id, or is added', () => {
    const ready = adminReplica({ id: 'a#0', state: 'ready' });
    const other = adminReplica({ id: 'a#1' });
    expect(withReplica(model, 6, ready).replicas).toEqual([ready]);
    expect(withReplica(model, 6, other).replicas).toEqual([...model.replicas, other]);
    expect(withReplica(model, 4, ready)).toBe(model);
  });

  test('plans hold over a download, and over no move of a replica or a wish', () => {
    expect(hasMoved(model, { ...model, rev: 6, files, queued: 3 })).toBe(false);
    expect(hasMoved(model, { ...model, replicas: [adminReplica({ id: 'a#0', state: 'ready' })] })).toBe(true);
    const placement = {
      devices: ['cpu'],
      replicas_per_device: 1,
      precision: null,
      keep_alive_seconds: null,
      max_batch: null,
    };
    expect(hasMoved(model, { ...model, placement })).toBe(true);
  });

  test('proofs are kept newest first, each once, twenty at most', () => {
    let detail = { ...model, proofs: [] as ReleaseProof[] };
    for (const at of [3, 1, 2, 3]) detail = withProof(detail, proof(at));
    expect(detail.proofs.map(({ at }) => at)).toEqual([3, 2, 1]);
    for (let at = 4; at < 40; at += 1) detail = withProof(detail, proof(at));
    expect(detail.proofs).toHaveLength(20);
    expect(detail.proofs[0]?.at).toBe(39);
  });
});

const proof = (at: number): ReleaseProof => ({
  replica: 'a#0',
  device: 'GPU-0',
  at,
  cause: 'unloaded',
  exit_code: 0,
  exit_signal: null,
  held_bytes: 1,
  memory_before_bytes: 2,
  memory_after_bytes: 1,
  residue_bytes: 0,
  seconds: 0.5,
  passed: true,
});
