/** Whole percent, rounded down and below 100: what is complete is no download any more. Undefined without a total. */
export function downloadPercent(bytes: number, totalBytes: number): number | undefined {
  if (totalBytes <= 0) return undefined;
  return Math.min(99, Math.floor((100 * bytes) / totalBytes));
}
