/** How each window's speakers sound: an embedding for each of those that the segmentation found. */
import type { EmbeddingBatch, EmbeddingModel } from './embedding-model.ts';
import { createFeatureWindows, FEATURE_BINS } from './feature-windows.ts';
import { LOCAL_SPEAKERS } from './powerset.ts';
import type { Segmentation } from './segmentation.ts';
import type { SampleSource } from './sliding-windows.ts';
import { type MaskOptions, maskSpeakers, minCleanFrames } from './speaker-masks.ts';
import { withoutPauses } from './without-pauses.ts';

export interface SpeakerEmbeddings {
  dimension: number;
  /** [windows, 3, dimension], lengths as the model makes them; NaN for a speaker that is absent. */
  data: Float32Array;
  /** [windows, 3]: 1 where there is an embedding, 0 where nobody spoke, or too little for an embedding. */
  present: Uint8Array;
}

export interface EmbeddingOptions {
  /** Leave out frames in which others speak too, where enough are left. Default true, as pyannote's pipelines. */
  excludeOverlap?: boolean;
  /** Cuts the pauses out of the windows where the graph allows it: faster, and an approximation. Default false. */
  skipPauses?: boolean;
  /** Windows in one run of the graph. */
  batch?: number;
  signal?: AbortSignal;
  /** After each run; of the `total` windows in which somebody speaks. */
  onProgress?: (done: number, total: number) => void;
}

/** A CPU gains nothing from more (ResNet34, one thread: 255 ms a window for 1, 2 and 4); a GPU does. */
const DEFAULT_BATCH = 1;

/**
 * Windows in which nobody speaks are left out. Holds the features of one batch and the result (3 kB a window at 256
 * dimensions), whatever the length of the audio.
 * @param segmentation of the same audio. @throws the signal's reason.
 */
export async function embedSpeakers(
  model: EmbeddingModel,
  audio: SampleSource,
  segmentation: Segmentation,
  { excludeOverlap = true, skipPauses = false, batch = DEFAULT_BATCH, signal, onProgress }: EmbeddingOptions = {},
): Promise<SpeakerEmbeddings> {
  const { windows, frames, active } = segmentation;
  const { dimension } = model;
  const data = new Float32Array(windows.count * LOCAL_SPEAKERS * dimension).fill(Number.NaN);
  const present = new Uint8Array(windows.count * LOCAL_SPEAKERS);
  const options: MaskOptions = { excludeOverlap, minCleanFrames: minCleanFrames(frames, windows.size) };
  const featureWindows = createFeatureWindows(audio, windows);
  const featureSize = featureWindows.frames * FEATURE_BINS;
  const maskSize = LOCAL_SPEAKERS * frames;
  const windowOf = (index: number) => active.subarray(index * maskSize, (index + 1) * maskSize);
  const spoken = Array.from({ length: windows.count }, (_, index) => index).filter((index) =>
    windowOf(index).includes(1),
  );

  for (let first = 0; first < spoken.length; first += batch) {
    signal?.throwIfAborted();
    const indices = spoken.slice(first, first + batch);
    const features = new Float32Array(indices.length * featureSize);
    const masks = new Float32Array(indices.length * maskSize);
    for (const [n, index] of indices.entries()) {
      await featureWindows.read(index, features.subarray(n * featureSize, (n + 1) * featureSize));
      maskSpeakers(windowOf(index), masks.subarray(n * maskSize, (n + 1) * maskSize), options);
    }
    const whole: EmbeddingBatch = {
      windows: indices.length,
      features,
      featureFrames: featureWindows.frames,
      masks,
      speakers: LOCAL_SPEAKERS,
      maskFrames: frames,
    };
    // Graphs as exported take windows as they are.
    const embeddings = await model.embed(skipPauses && model.pooling === 'shared' ? withoutPauses(whole) : whole);
    for (const [n, index] of indices.entries()) {
      for (let speaker = 0; speaker < LOCAL_SPEAKERS; speaker += 1) {
        const pair = n * LOCAL_SPEAKERS + speaker;
        const embedding = embeddings.subarray(pair * dimension, (pair + 1) * dimension);
        if (!masks.subarray(pair * frames, (pair + 1) * frames).includes(1) || !embedding.every(Number.isFinite))
          continue;
        const slot = index * LOCAL_SPEAKERS + speaker;
        data.set(embedding, slot * dimension);
        present[slot] = 1;
      }
    }
    onProgress?.(first + indices.length, spoken.length);
  }
  return { dimension, data, present };
}
