/**
 * Probabilistic linear discriminant analysis: takes speaker embeddings to a space in which the variance within a speaker
 * is 1 in every direction and that between speakers is known. Weights: `plda.npz` and `xvec_transform.npz` of
 * pyannote/speaker-diarization-community-1 (CC-BY-4.0).
 */
import { arrayOf, readNpz, toFloat64 } from '../npz.ts';
import { dotProducts, type Matrix, normalizeRows, transposeRows, zeros } from './matrix.ts';

export interface Plda {
  /** Subtracted from the embeddings; [256]. */
  mean1: Float64Array;
  /** Linear discriminant analysis, transposed; [128, 256]. */
  lda: Matrix;
  /** Subtracted after it; [128]. */
  mean2: Float64Array;
  /** Mean in the space of the LDA; [128]. */
  mu: Float64Array;
  /** Basis of the PLDA space; [128, 128]. */
  transform: Matrix;
  /** Variance between speakers along each of its axes; [128]. */
  phi: Float64Array;
}

/**
 * From the content of the two files. Upstream derives `transform` and `phi` anew from a generalised eigenproblem; for
 * these weights that gives `tr` and `psi` again (up to signs, which cancel out in VBx).
 * @throws Error when an array is missing or of another shape.
 */
export function readPlda({ plda, xvecTransform }: { plda: Uint8Array; xvecTransform: Uint8Array }): Plda {
  const own = readNpz(plda);
  const before = readNpz(xvecTransform);
  const [inputs, outputs] = arrayOf(before, 'lda').shape;
  if (inputs === undefined || outputs === undefined) throw new Error("The array 'lda' is no matrix");
  const vector = (arrays: typeof own, name: string, length: number) => toFloat64(arrayOf(arrays, name, [length]));
  const lda: Matrix = { data: toFloat64(arrayOf(before, 'lda')), rows: inputs, columns: outputs };
  return {
    mean1: vector(before, 'mean1', inputs),
    lda: transposeRows(lda, 0, inputs, new Float64Array(inputs * outputs)),
    mean2: vector(before, 'mean2', outputs),
    mu: vector(own, 'mu', outputs),
    transform: { data: toFloat64(arrayOf(own, 'tr', [outputs, outputs])), rows: outputs, columns: outputs },
    phi: vector(own, 'psi', outputs),
  };
}

/** Centred, scaled to length, through the LDA, and again: `xvec_tf` of pyannote's utils/vbx.py. [n, 256] → [n, 128]. */
export function applyLda(embeddings: Matrix, { mean1, lda, mean2 }: Plda): Matrix {
  const centred = normalizeRows(subtract(embeddings, mean1), Math.sqrt(lda.columns));
  const projected = zeros(embeddings.rows, lda.rows);
  dotProducts(centred, lda, projected.data);
  return normalizeRows(subtract(projected, mean2), Math.sqrt(lda.rows));
}

/** What VBx works on: `plda_tf` after `applyLda`. [n, 128] → [n, 128]. */
export function applyPlda(projected: Matrix, { mu, transform }: Plda): Matrix {
  const features = zeros(projected.rows, transform.rows);
  dotProducts(subtract(projected, mu), transform, features.data);
  return features;
}

function subtract(matrix: Matrix, mean: Float64Array): Matrix {
  const { rows, columns } = matrix;
  return { data: matrix.data.map((value, at) => value - (mean[at % columns] as number)), rows, columns };
}
