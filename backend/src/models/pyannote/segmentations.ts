/** What the segmentation model says about all windows of a recording. */

export interface Segmentations {
  /**
   * Activity of each local speaker, [chunks, frames, speakers], row by row. 0 or 1, or scores between, of which more
   * than 0.5 counts as active. Bytes take a quarter of the memory (four hours: 25 MB).
   */
  data: Float32Array | Uint8Array;
  /** Windows, in the order of time. */
  chunks: number;
  frames: number;
  /** Local speakers of a window; the same index in two windows need not be the same voice. */
  speakers: number;
}

/** Local speakers with at least one active frame; [chunks, speakers], 0 or 1. */
export function activeSpeakers({ data, chunks, frames, speakers }: Segmentations): Uint8Array {
  const active = new Uint8Array(chunks * speakers);
  let at = 0;
  for (let chunk = 0; chunk < chunks; chunk++) {
    for (let frame = 0; frame < frames; frame++) {
      for (let speaker = 0; speaker < speakers; speaker++) {
        if ((data[at++] as number) > 0.5) active[chunk * speakers + speaker] = 1;
      }
    }
  }
  return active;
}
