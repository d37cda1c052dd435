/**
 * Log mel filterbank features as Kaldi computes them (feat/feature-window.cc, feature-fbank.cc), one-shot or from a
 * stream of PCM chunks: a frame depends on nothing but its samples, so chunking never changes a bit of the result.
 */
import { createMelFilters } from './mel-filters.ts';
import { createRealFft } from './real-fft.ts';

export interface FilterbankOptions {
  sampleRate: number;
  bins: number;
  /** Samples in a frame and between the starts of two frames. */
  frameLength: number;
  frameShift: number;
  window: 'povey' | 'hamming' | 'hann';
  /** 0 turns it off. */
  preEmphasis: number;
  lowHertz: number;
  highHertz: number;
  /** What PCM in [−1, 1] is multiplied with: 1, or 32768 for models trained on 16-bit integers. */
  sampleScale: number;
  removeDcOffset: boolean;
  /** false: frames are centred on their shift and the signal is mirrored at both ends; true: only whole frames. */
  snipEdges: boolean;
}

/** lhotse's Fbank defaults, with which the k2-fsa models were trained (lhotse/features/kaldi/extractors.py). */
export const LHOTSE_FILTERBANK: FilterbankOptions = {
  sampleRate: 16_000,
  bins: 80,
  frameLength: 400,
  frameShift: 160,
  window: 'povey',
  preEmphasis: 0.97,
  lowHertz: 20,
  // Nyquist − 400
  highHertz: 7600,
  sampleScale: 1,
  removeDcOffset: true,
  snipEdges: false,
};

/** WeSpeaker's (wespeaker/cli/speaker.py, pyannote.audio models/embedding/wespeaker); `meanNormalize` belongs to it. */
export const WESPEAKER_FILTERBANK: FilterbankOptions = {
  ...LHOTSE_FILTERBANK,
  window: 'hamming',
  highHertz: 8000,
  sampleScale: 32_768,
  snipEdges: true,
};

/** Kaldi's floor under an energy before the logarithm: float32's epsilon. */
const ENERGY_FLOOR = 1.1920928955078125e-7;

export interface FilterbankExtractor {
  /** Hands each frame that became complete to `onFrame` as [bins]; the array is reused for the next one. */
  accept(pcm: Float32Array, onFrame: (frame: Float32Array) => void): void;
  /** Ends the signal: hands out the frames that reach beyond its right edge. */
  finish(onFrame: (frame: Float32Array) => void): void;
}

export interface Filterbank {
  /** A new signal's extractor. All of one filterbank share its tables and scratch space. */
  stream(): FilterbankExtractor;
  /** One-shot features [frames, bins]; `meanNormalize` subtracts each bin's mean over the frames (CMN). */
  features(pcm: Float32Array, options?: { meanNormalize?: boolean }): { frames: number; data: Float32Array };
}

export function createFilterbank(options: FilterbankOptions): Filterbank {
  const compute = createFrameComputer(options);
  const stream = (): FilterbankExtractor => createExtractor(options, compute);
  return {
    stream,
    features: (pcm, { meanNormalize = false } = {}) => {
      const collected = collect(stream(), pcm, options);
      if (meanNormalize && collected.frames > 0) subtractMeans(collected.data, options.bins);
      return collected;
    },
  };
}

type FrameComputer = (samples: Float32Array, start: number) => Float32Array;

function createExtractor(options: FilterbankOptions, compute: FrameComputer): FilterbankExtractor {
  const { frameLength, frameShift } = options;
  // Signal position of frame 0's first sample.
  const origin = options.snipEdges ? 0 : Math.trunc(frameShift / 2) - Math.trunc(frameLength / 2);
  // The samples [bufferStart, received) of the signal, from the next frame's first one on.
  let buffer = new Float32Array(4 * frameLength);
  let bufferStart = 0;
  let received = 0;
  let frames = 0;
  const edge = new Float32Array(frameLength);

  function store(pcm: Float32Array): void {
    const keepFrom = Math.min(received, Math.max(0, origin + frames * frameShift));
    const kept = received - keepFrom;
    if (kept + pcm.length > buffer.length) {
      const larger = new Float32Array(2 * (kept + pcm.length));
      larger.set(buffer.subarray(keepFrom - bufferStart, received - bufferStart));
      buffer = larger;
    } else {
      buffer.copyWithin(0, keepFrom - bufferStart, received - bufferStart);
    }
    buffer.set(pcm, kept);
    bufferStart = keepFrom;
    received += pcm.length;
  }

  /** The sample at a position that may lie outside of the signal: mirrored, the edge sample repeated. */
  function mirrored(position: number): number {
    let at = position;
    while (at < 0 || at >= received) at = at < 0 ? -at - 1 : 2 * received - 1 - at;
    return buffer[at - bufferStart] as number;
  }

  function emitFrame(onFrame: (frame: Float32Array) => void): void {
    const start = origin + frames * frameShift;
    if (start >= 0 && start + frameLength <= received) {
      onFrame(compute(buffer, start - bufferStart));
    } else {
      for (let i = 0; i < frameLength; i += 1) edge[i] = mirrored(start + i);
      onFrame(compute(edge, 0));
    }
    frames += 1;
  }

  function accept(pcm: Float32Array, onFrame: (frame: Float32Array) => void): void {
    store(pcm);
    while (origin + frames * frameShift + frameLength <= received) emitFrame(onFrame);
  }

  function finish(onFrame: (frame: Float32Array) => void): void {
    if (options.snipEdges || received === 0) return;
    const total = Math.trunc((received + Math.trunc(frameShift / 2)) / frameShift);
    while (frames < total) emitFrame(onFrame);
  }

  return { accept, finish };
}

function collect(
  extractor: FilterbankExtractor,
  pcm: Float32Array,
  { bins, frameShift }: FilterbankOptions,
): { frames: number; data: Float32Array } {
  const data = new Float32Array((Math.trunc(pcm.length / frameShift) + 1) * bins);
  let frames = 0;
  const take = (frame: Float32Array): void => {
    data.set(frame, frames * bins);
    frames += 1;
  };
  extractor.accept(pcm, take);
  extractor.finish(take);
  return { frames, data: data.subarray(0, frames * bins) };
}

/** `data` [frames, bins] in place: each bin's mean over the frames (CMN). */
export function subtractMeans(data: Float32Array, bins: number): void {
  const frames = data.length / bins;
  for (let bin = 0; bin < bins; bin += 1) {
    let sum = 0;
    for (let at = bin; at < data.length; at += bins) sum += data[at] as number;
    const mean = sum / frames;
    for (let at = bin; at < data.length; at += bins) data[at] = (data[at] as number) - mean;
  }
}

/** (samples, start) → one frame's features [bins]; the returned array is the same each time. */
function createFrameComputer(options: FilterbankOptions): FrameComputer {
  const { frameLength, preEmphasis, removeDcOffset, bins } = options;
  const fftSize = 2 ** Math.ceil(Math.log2(frameLength));
  const fft = createRealFft(fftSize);
  const filters = createMelFilters({ ...options, fftSize });
  const window = createWindow(options.window, frameLength).map((weight) => weight * options.sampleScale);
  // [fftSize], zero beyond frameLength
  const signal = new Float64Array(fftSize);
  const power = new Float64Array(fftSize / 2 + 1);
  const energies = new Float64Array(bins);
  const frame = new Float32Array(bins);

  return (samples, start) => {
    const offset = removeDcOffset ? mean(samples, start, frameLength) : 0;
    // Kaldi treats the sample before the first as equal to it.
    let previous = (samples[start] as number) - offset;
    for (let i = 0; i < frameLength; i += 1) {
      const current = (samples[start + i] as number) - offset;
      signal[i] = (current - preEmphasis * previous) * (window[i] as number);
      previous = current;
    }
    fft.powerSpectrum(signal, power);
    filters.apply(power, energies);
    for (let bin = 0; bin < bins; bin += 1) frame[bin] = Math.log(Math.max(energies[bin] as number, ENERGY_FLOOR));
    return frame;
  };
}

function mean(samples: Float32Array, start: number, length: number): number {
  let sum = 0;
  for (let i = start; i < start + length; i += 1) sum += samples[i] as number;
  return sum / length;
}

function createWindow(kind: FilterbankOptions['window'], length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => {
    const cosine = Math.cos((2 * Math.PI * i) / (length - 1));
    if (kind === 'hamming') return 0.54 - 0.46 * cosine;
    const hann = 0.5 - 0.5 * cosine;
    // Povey's window: like Hamming's, but it goes to zero at the edges.
    return kind === 'povey' ? hann ** 0.85 : hann;
  });
}
