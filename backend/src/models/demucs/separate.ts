/** A track → its stems, as demucs does it (demucs/apply.py, separate.py), but in memory that does not grow with the track. */
import { overlapAdd, type Tiling, type TrackPart } from '../../audio/overlap-add.ts';
import { STEREO_RATE } from '../../audio/sample-rate.ts';
import { measureTrack, type StereoSource } from '../../audio/stereo-file.ts';
import { createRandom } from '../random.ts';
import type { SegmentModel } from './stem-model.ts';

export interface SeparationOptions {
  /** Share of a segment that the next one hears too, at least 0 and less than 1. Default 0.25. */
  overlap?: number | undefined;
  /** Passes over the track, each begun up to 0.5 s before it, that are averaged. Default 0: one pass from its first sample. */
  shifts?: number | undefined;
  /** Where the shifted passes begin follows from it. Default 0. */
  seed?: number | undefined;
  /** Segments in work at a time. Default 1. */
  parallel?: number | undefined;
  /** Default: all of the track. */
  part?: TrackPart | undefined;
  signal: AbortSignal;
  /** After each segment. */
  onSegment?(done: number, total: number): void;
}

/** Keeps silence from becoming a division by zero. */
const LEAST_DEVIATION = 1e-8;
/** Longest shift, in frames: 0.5 s. */
const MAX_SHIFT = STEREO_RATE / 2;

/**
 * Finished stretches of all stems, in order and without gaps: for each stem samples [n, 2], beyond full scale where the
 * model says so. Reads the track once more beforehand, for its mean and deviation.
 *
 * @throws the signal's reason, at once; whatever the track's reader and the model throw.
 */
export async function* separate(
  track: StereoSource,
  model: SegmentModel,
  options: SeparationOptions,
): AsyncGenerator<Float32Array[], void, void> {
  const { overlap = 0.25, shifts = 0, seed = 0, parallel, part, signal, onSegment } = options;
  const { mean, std } = await measureTrack(track, signal);
  const deviation = std + LEAST_DEVIATION;
  const blocks = overlapAdd({
    tiling: demucsTiling(model.size, track.frames, { overlap, offsets: shiftOffsets(shifts, seed) }),
    frames: track.frames,
    planes: 2 * model.stems.length,
    async read(from, count) {
      const pcm = await track.read(from, count);
      // The reference pads what it has normalised: silence around the track is 0, not −mean.
      const [first, last] = [Math.max(0, -from), Math.min(count, track.frames - from)];
      for (let i = first; i < last; i += 1) {
        pcm[i] = ((pcm[i] as number) - mean) / deviation;
        pcm[count + i] = ((pcm[count + i] as number) - mean) / deviation;
      }
      return pcm;
    },
    run: (segment, aborted) => model.run(segment, aborted),
    parallel,
    part,
    signal,
    ...(onSegment === undefined ? {} : { onSegment }),
  });
  for await (const block of blocks) {
    const frames = block.length / (2 * model.stems.length);
    yield model.stems.map((_, stem) => {
      const planar = block.subarray(2 * stem * frames, 2 * (stem + 1) * frames);
      const interleaved = new Float32Array(2 * frames);
      for (let i = 0; i < frames; i += 1) {
        interleaved[2 * i] = (planar[i] as number) * deviation + mean;
        interleaved[2 * i + 1] = (planar[frames + i] as number) * deviation + mean;
      }
      return interleaved;
    });
  }
}

/** How many frames before the end of the half second in front of the track each shifted pass begins: [shifts]. */
export function shiftOffsets(shifts: number, seed: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: shifts }, () => Math.floor(random() * (MAX_SHIFT + 1)));
}

/** Segments fade in and out along straight lines; one that is cut off keeps the rise alone, and is heard in its middle. */
export function demucsTiling(
  size: number,
  frames: number,
  { overlap, offsets }: { overlap: number; offsets: readonly number[] },
): Tiling {
  const half = Math.floor(size / 2);
  const triangle = Float32Array.from({ length: size }, (_, i) => (i < half ? i + 1 : size - i) / (size - half));
  return {
    size,
    stride: Math.floor((1 - overlap) * size),
    origins: offsets.length === 0 ? [0] : offsets.map((offset) => offset - MAX_SHIFT),
    end: frames,
    window: (length) => triangle.subarray(0, length),
    centred: true,
  };
}
