/** A track → vocals and the rest by an MDX-Net, as audio-separator does it (mdx_separator.py), in bounded memory. */
import { framesOf, overlapAdd, rememberWindows, type Tiling, type TrackPart } from '../../audio/overlap-add.ts';
import { measureTrack, type StereoSource } from '../../audio/stereo-file.ts';

export interface MdxModel {
  /** Frames of a segment, at 44.1 kHz. */
  readonly size: number;
  /** n_fft: half a frame at both ends of a track is heard as if silence surrounded it. */
  readonly fft: number;
  readonly compensate: number;
  /** A segment [2, size] → the predicted stem [2, size]. */
  run(segment: Float32Array, signal: AbortSignal): Promise<Float32Array>;
}

export interface MdxOptions {
  /** Share of a segment that the next one hears too, at least 0 and less than 1. Default 0.25. */
  overlap?: number | undefined;
  /** Segments in work at a time. Default 1. */
  parallel?: number | undefined;
  /** Default: all of the track. */
  part?: TrackPart | undefined;
  signal: AbortSignal;
  /** After each segment. */
  onSegment?(done: number, total: number): void;
}

/** Louder tracks are turned down to it while they are heard. */
const PEAK = 0.9;

/**
 * Finished stretches in order and without gaps: samples [n, 2] of the predicted stem, and of the rest, which is the track
 * without it. Reads the track once more beforehand, for its peak, and once behind, for the rest.
 *
 * @throws the signal's reason, at once; whatever the track's reader and the model throw.
 */
export async function* separateInTwo(
  track: StereoSource,
  model: MdxModel,
  options: MdxOptions,
): AsyncGenerator<[primary: Float32Array, other: Float32Array], void, void> {
  const { overlap = 0.25, parallel, part, signal, onSegment } = options;
  const { peak } = await measureTrack(track, signal);
  const gain = peak > PEAK ? PEAK / peak : 1;
  const tiling = mdxTiling(model, track.frames, overlap);
  const blocks = overlapAdd({
    tiling,
    frames: track.frames,
    planes: 2,
    read: async (from, count) => (await track.read(from, count)).map((sample) => sample * gain),
    run: (segment, aborted) => model.run(segment, aborted),
    parallel,
    part,
    signal,
    ...(onSegment === undefined ? {} : { onSegment }),
  });
  let at = part === undefined ? 0 : framesOf(tiling, track.frames, part).from;
  for await (const block of blocks) {
    const frames = block.length / 2;
    const mix = await track.read(at, frames);
    at += frames;
    const [primary, other] = [new Float32Array(2 * frames), new Float32Array(2 * frames)];
    for (let i = 0; i < 2 * frames; i += 1) {
      // Planar → interleaved.
      const to = i < frames ? 2 * i : 2 * (i - frames) + 1;
      const stem = ((block[i] as number) * model.compensate) / gain;
      primary[to] = stem;
      other[to] = (mix[i] as number) - stem;
    }
    yield [primary, other];
  }
}

/** Half a frame of silence before the track, and as much and more behind it, so that no fade begins or ends within it. */
export function mdxTiling({ size, fft }: Pick<MdxModel, 'size' | 'fft'>, frames: number, overlap: number): Tiling {
  const trim = fft / 2;
  const useful = size - 2 * trim;
  return {
    size,
    stride: Math.floor((1 - overlap) * size),
    origins: [-trim],
    end: frames + useful + trim - (frames % useful),
    window: rememberWindows((length) => (overlap === 0 ? new Float32Array(length).fill(1) : symmetricHann(length))),
    centred: false,
  };
}

/** numpy.hanning: zero at both ends. */
function symmetricHann(length: number): Float32Array {
  if (length === 1) return Float32Array.of(1);
  return Float32Array.from({ length }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (length - 1)));
}
