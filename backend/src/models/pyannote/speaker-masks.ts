/** Which frames of a window stand for each of its speakers. */
import { LOCAL_SPEAKERS } from './powerset.ts';

export interface MaskOptions {
  /** Leaves out frames in which others speak too, where enough are left (pyannote's `embedding_exclude_overlap`). */
  excludeOverlap: boolean;
  /** More clean frames than that are enough. */
  minCleanFrames: number;
}

/** Samples that one frame of features takes, which is what pyannote finds as the model's `min_num_samples`. */
const MIN_SAMPLES = 400;

/** pyannote's `min_num_frames` (pipelines/speaker_diarization.py): 2 of 589. */
export function minCleanFrames(frames: number, windowSamples: number): number {
  return Math.ceil((frames * MIN_SAMPLES) / windowSamples);
}

/** `active` [frames, 3] → `masks` [3, frames] of 0 and 1; zeros for who does not speak. */
export function maskSpeakers(active: Uint8Array, masks: Float32Array, options: MaskOptions): void {
  const frames = active.length / LOCAL_SPEAKERS;
  for (let speaker = 0; speaker < LOCAL_SPEAKERS; speaker += 1) {
    const mask = masks.subarray(speaker * frames, (speaker + 1) * frames);
    const clean = options.excludeOverlap ? fill(mask, active, speaker, true) : 0;
    if (clean <= options.minCleanFrames) fill(mask, active, speaker, false);
  }
}

/** Returns the number of ones. */
function fill(mask: Float32Array, active: Uint8Array, speaker: number, alone: boolean): number {
  let count = 0;
  for (const [frame] of mask.entries()) {
    const at = frame * LOCAL_SPEAKERS;
    const all = (active[at] as number) + (active[at + 1] as number) + (active[at + 2] as number);
    const counts = active[at + speaker] === 1 && (!alone || all === 1);
    mask[frame] = counts ? 1 : 0;
    if (counts) count += 1;
  }
  return count;
}
