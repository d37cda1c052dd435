/** Diarization computed from a reference run's segmentations and raw embeddings, compared with it stage by stage. */
import { UNASSIGNED } from '../../../backend/src/models/pyannote/clustering/assign.ts';
import { cluster } from '../../../backend/src/models/pyannote/clustering/cluster.ts';
import type { Plda } from '../../../backend/src/models/pyannote/clustering/plda.ts';
import { reconstruct } from '../../../backend/src/models/pyannote/reconstruct/reconstruct.ts';
import { activeSpeakers } from '../../../backend/src/models/pyannote/segmentations.ts';
import { countDiarizationErrors, diarizationErrorRate } from '../../../backend/src/text/der.ts';
import type { DiarizationFixture } from './diarization-fixture.ts';

export interface StageComparison {
  stage: string;
  /** Greatest difference, number of differing entries, or a rate. */
  difference: number;
  limit: number;
}

/** Stages in order; all within `limit` is parity. */
export async function compareDiarization(fixture: DiarizationFixture, plda: Plda): Promise<StageComparison[]> {
  const { segmentations, embeddings, threshold, grid, minDurationOff } = fixture;
  const clustering = await cluster(segmentations, embeddings, { method: { name: 'vbx', plda, threshold } });
  const { trainingRows, vbx } = clustering.steps;
  if (vbx === undefined) throw new Error('There are too few embeddings for VBx in this folder');
  // The reference was written before it unassigned the inactive, who hold whatever cluster was left.
  const active = activeSpeakers(segmentations);
  const expected = fixture.assigned.map((label, row) => (active[row] === 1 ? label : UNASSIGNED));
  const renamed = renaming(clustering.assigned, expected);
  const result = reconstruct({ segmentations, clustering }, { grid, minDurationOff });
  const turns = result.turns.map(({ speaker, start, end }) => ({ speaker, start, end }));
  return [
    { stage: 'training embeddings', difference: mismatches(trainingRows, fixture.trainingRows), limit: 0 },
    { stage: 'LDA', difference: greatest(vbx.lda.data, fixture.lda), limit: 1e-6 },
    // An eigenvector's sign is free: upstream's basis may have columns turned round.
    { stage: 'PLDA', difference: greatest(vbx.features.data.map(Math.abs), fixture.plda.map(Math.abs)), limit: 1e-6 },
    { stage: 'phi', difference: greatest(plda.phi, fixture.phi), limit: 1e-6 },
    { stage: 'AHC labels', difference: mismatches(vbx.initial.labels, fixture.ahcLabels), limit: 0 },
    {
      stage: 'VBx gamma',
      difference: greatest(vbx.result.responsibilities.data, fixture.vbx.responsibilities),
      limit: 1e-5,
    },
    { stage: 'VBx pi', difference: greatest(vbx.result.priors, fixture.vbx.priors), limit: 1e-5 },
    { stage: 'VBx bound', difference: greatest(vbx.result.bounds, fixture.vbx.bounds), limit: 1e-5 },
    { stage: 'centroids', difference: greatest(clustering.centroids.data, fixture.centroids), limit: 1e-5 },
    { stage: 'scores', difference: greatest(clustering.scores, fixture.scores), limit: 1e-5 },
    { stage: 'clusters', difference: mismatches(renamed, expected), limit: 0 },
    { stage: 'speaker count', difference: mismatches(result.count, fixture.count), limit: 0 },
    { stage: 'reconstruction', difference: discreteMismatches(result.discrete, fixture.discrete), limit: 0 },
    {
      stage: 'DER, collar 0',
      difference: diarizationErrorRate(countDiarizationErrors(fixture.turns, turns)),
      limit: 0.001,
    },
  ];
}

/** Labels renamed to those of `reference` that they first stand beside; negative ones stay. */
function renaming(labels: ArrayLike<number>, reference: readonly number[]): number[] {
  const names = new Map<number, number>();
  return Array.from(labels, (label, at) => {
    if (label < 0) return label;
    const name = names.get(label) ?? reference[at] ?? label;
    names.set(label, name);
    return name;
  });
}

function greatest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let at = 0; at < actual.length; at++) {
    const difference = Math.abs((actual[at] ?? Number.NaN) - (expected[at] ?? Number.NaN));
    if (!(difference <= most)) most = difference;
  }
  return most;
}

function mismatches(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Array.from(actual).filter((value, at) => value !== expected[at]).length;
}

function discreteMismatches(
  actual: { data: Uint8Array; columns: number },
  expected: { data: Float64Array; columns: number },
) {
  return actual.columns === expected.columns ? mismatches(actual.data, expected.data) : Number.POSITIVE_INFINITY;
}
