/** Who speaks when within each window, by a segmentation graph of pyannote's powerset kind (segmentation-3.0). */
import type { OpenedSession } from '../../audio/session.ts';
import { decodePowerset, LOCAL_SPEAKERS, POWERSET_CLASSES } from './powerset.ts';
import { type SampleSource, type SlidingWindows, slidingWindows, WINDOW_STEP } from './sliding-windows.ts';

/** Speakers are numbered within their window only: who is who from window to window is for the clustering to say. */
export interface Segmentation {
  windows: SlidingWindows;
  /** Frames in a window: 589 in 10 s. */
  frames: number;
  /** [windows, frames, 3], 1 where the local speaker speaks. */
  active: Uint8Array;
}

export interface SegmentationOptions {
  /** Samples from window to window; more is faster and hears each moment less often. Default 1 s. */
  step?: number;
  /** Windows in one run of the graph. */
  batch?: number;
  signal?: AbortSignal;
  /** After each run; of `total` windows. */
  onProgress?: (done: number, total: number) => void;
}

/** On a CPU the fastest, by a little (2 threads, ms a window: 1: 32, 4: 17, 8: 16, 16: 17); a GPU gains from more. */
const DEFAULT_BATCH = 8;

/**
 * Holds the samples of one batch and the result (1.8 kB a window), whatever the length of the audio.
 * @param session `[B, 1, samples]` → `[B, frames, 7]`, whatever their names.
 * @throws the signal's reason; Error where the graph is another.
 */
export async function segmentAudio(
  session: OpenedSession,
  audio: SampleSource,
  { step = WINDOW_STEP, batch = DEFAULT_BATCH, signal, onProgress }: SegmentationOptions = {},
): Promise<Segmentation> {
  const windows = slidingWindows(audio.samples, step);
  let frames = 0;
  let active = new Uint8Array();
  for (let first = 0; first < windows.count; first += batch) {
    signal?.throwIfAborted();
    const count = Math.min(batch, windows.count - first);
    const scores = await scoreWindows(session, audio, windows, first, count);
    if (first === 0) {
      frames = scores.frames;
      active = new Uint8Array(windows.count * frames * LOCAL_SPEAKERS);
    }
    decodePowerset(scores.data, active.subarray(first * frames * LOCAL_SPEAKERS));
    onProgress?.(first + count, windows.count);
  }
  return { windows, frames, active };
}

async function scoreWindows(
  session: OpenedSession,
  audio: SampleSource,
  { size, step }: SlidingWindows,
  first: number,
  count: number,
): Promise<{ frames: number; data: Float32Array }> {
  const samples = await audio.read(first * step, (count - 1) * step + size);
  const input = new Float32Array(count * size);
  for (let n = 0; n < count; n += 1) input.set(samples.subarray(n * step, n * step + size), n * size);
  const [inputName, outputName] = [session.inputs[0]?.name, session.outputs[0]?.name];
  if (inputName === undefined || outputName === undefined)
    throw new Error('The segmentation graph has no input or output');
  const outputs = await session.run({ [inputName]: session.tensor('float32', input, [count, 1, size]) });
  const { dims, data } = outputs[outputName] ?? { dims: [], data: new Float32Array() };
  if (dims.length !== 3 || dims[0] !== count || dims[2] !== POWERSET_CLASSES) {
    throw new Error(`The segmentation graph says [${dims.join()}] for ${count} windows, not [${count}, frames, 7]`);
  }
  return { frames: dims[1] as number, data: data as Float32Array };
}
