/** Voiceprints as vectors: how alike two of them are, and one in place of several. */

/** From −1 to 1; NaN where one of them is zero or not finite, or their lengths differ. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.NaN;
  let dot = 0;
  for (const [i, value] of a.entries()) dot += value * (b[i] ?? Number.NaN);
  const similarity = dot / (norm(a) * norm(b));
  return Number.isFinite(similarity) ? Math.min(1, Math.max(-1, similarity)) : Number.NaN;
}

/** The same direction at length 1; undefined for what has none. */
export function unitVector(vector: readonly number[]): number[] | undefined {
  const length = norm(vector);
  return length > 0 && Number.isFinite(length) ? vector.map((value) => value / length) : undefined;
}

/** Each counts by its seconds, whatever its length; the result has length 1. @throws where one has no direction. */
export function meanVoiceprint(heard: readonly { voiceprint: readonly number[]; seconds: number }[]): number[] {
  const weighted = heard.map(
    ({ voiceprint, seconds }) => unitVector(voiceprint)?.map((value) => value * seconds) ?? [],
  );
  const [first = []] = weighted;
  const mean = unitVector(first.map((_, i) => weighted.reduce((sum, vector) => sum + (vector[i] ?? Number.NaN), 0)));
  if (mean === undefined) throw new RangeError('These voiceprints have no mean');
  return mean;
}

function norm(vector: readonly number[]): number {
  return Math.hypot(...vector);
}
