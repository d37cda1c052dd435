/** Which embeddings are good enough to find the speakers with. */
import type { Segmentations } from '../segmentations.ts';

/** Of a window's frames: so much a local speaker must talk alone (pyannote's `min_active_ratio`). */
const LEAST_ALONE = 0.2;

/** Embeddings [chunks, speakers, dimension] of the local speakers of all windows. */
export interface Embeddings {
  /** A local speaker without one has NaN or zeros. */
  data: Float32Array;
  dimension: number;
}

/**
 * Rows (chunk · speakers + speaker) of the local speakers who talk alone in at least a fifth of their window's frames and
 * have an embedding, in the order of time.
 */
export function trainingRows(segmentations: Segmentations, embeddings: Embeddings): Int32Array {
  const { data, chunks, frames, speakers } = segmentations;
  const rows: number[] = [];
  for (let chunk = 0; chunk < chunks; chunk++) {
    const alone = new Int32Array(speakers);
    for (let frame = 0; frame < frames; frame++) {
      const at = (chunk * frames + frame) * speakers;
      let active = 0;
      let last = 0;
      for (let speaker = 0; speaker < speakers; speaker++) {
        if ((data[at + speaker] as number) > 0.5) {
          active++;
          last = speaker;
        }
      }
      if (active === 1) alone[last] = (alone[last] as number) + 1;
    }
    alone.forEach((count, speaker) => {
      const row = chunk * speakers + speaker;
      if (count >= LEAST_ALONE * frames && hasEmbedding(embeddings, row)) rows.push(row);
    });
  }
  return Int32Array.from(rows);
}

/** Whether the row is finite and not all zeros: only then it has a direction. */
export function hasEmbedding({ data, dimension }: Embeddings, row: number): boolean {
  let square = 0;
  for (let at = row * dimension; at < (row + 1) * dimension; at++) square += (data[at] as number) ** 2;
  return Number.isFinite(square) && square > 0;
}
