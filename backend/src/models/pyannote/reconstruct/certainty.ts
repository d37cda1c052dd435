/** How sure the assignment of local speakers to clusters is. */

/** Cosine similarities are told apart at this scale: 0.1 more than the next is 73 %, 0.3 more is 95 %. */
const TEMPERATURE = 0.1;

/**
 * Softmax over the clusters' scores (cosine similarities, up to a constant) at the assigned cluster; [chunks · speakers].
 * 1 with a single cluster, 1 / clusters without an embedding, 0 for the unassigned. Not calibrated: it orders, it is no
 * measured frequency of being right.
 */
export function assignmentCertainty(scores: Float64Array, assigned: Int32Array, clusters: number): Float32Array {
  return Float32Array.from(assigned, (cluster, row) => {
    if (cluster < 0) return 0;
    const own = scores[row * clusters + cluster] as number;
    if (Number.isNaN(own)) return 1 / clusters;
    let sum = 0;
    for (let other = 0; other < clusters; other++) {
      sum += Math.exp(((scores[row * clusters + other] as number) - own) / TEMPERATURE);
    }
    return 1 / sum;
  });
}
