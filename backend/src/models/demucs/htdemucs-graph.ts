/**
 * A HTDemucs graph as a function from a segment to its stems, whichever way it was exported: with the Fourier transform
 * inside (one input, the waveform), or outside (two inputs, waveform and spectrogram; two outputs, what the branches of
 * time and of frequency make). Names are ignored: hubs call the same tensors `mix` or `input`, `stems` or `sources`.
 */
import type { OpenedSession, TensorInfo, TensorLike } from '../../audio/session.ts';
import { createStft, type Stft } from '../../audio/stft.ts';

export interface HtdemucsGraph {
  /** Frames of a segment, at 44.1 kHz. */
  readonly size: number;
  /** Stems it makes, all of them at once. */
  readonly stems: number;
  /**
   * [2, size] → the `wanted` stems (their numbers), in that order: [wanted, 2, size].
   * @throws Error where the graph's results have another shape than it declares.
   */
  run(segment: Float32Array, wanted: readonly number[]): Promise<Float32Array>;
  release(): Promise<void>;
}

/** 7.8 s, what every published HTDemucs hears at once: for graphs that leave the length open. */
export const HTDEMUCS_SEGMENT = 343_980;

/** @throws Error saying what the graph takes and gives, where it is no HTDemucs of `stems` stems. */
export function htdemucsGraph(session: OpenedSession, stems: number): HtdemucsGraph {
  const [wave, spectrogram] = [ofRank(session.inputs, 3), ofRank(session.inputs, 4)];
  const [freq, time] = [ofRank(session.outputs, 5), ofRank(session.outputs, 4)];
  if (wave === undefined || time === undefined || !isOf(wave, [1, 2, undefined])) throw noHtdemucs(session, stems);
  const length = time.shape[3];
  const size = [wave.shape[2], length].find((dim) => typeof dim === 'number') ?? HTDEMUCS_SEGMENT;
  if (!isOf(time, [1, stems, 2, size])) throw noHtdemucs(session, stems);
  const common = { session, stems, size, wave, time };
  if (session.inputs.length === 1 && session.outputs.length === 1) return insideGraph(common);
  const bins = spectrogram?.shape[2];
  const isOutside = session.inputs.length === 2 && session.outputs.length === 2 && typeof bins === 'number';
  if (!isOutside || spectrogram === undefined || freq === undefined) throw noHtdemucs(session, stems);
  const frames = framesOf(size, bins);
  const fits = isOf(spectrogram, [1, 4, bins, frames]) && isOf(freq, [1, stems, 4, bins, frames]);
  if (!fits) throw noHtdemucs(session, stems);
  return outsideGraph({ ...common, spectrogram, freq, bins });
}

interface Common {
  session: OpenedSession;
  stems: number;
  size: number;
  wave: TensorInfo;
  time: TensorInfo;
}

function insideGraph({ session, stems, size, wave, time }: Common): HtdemucsGraph {
  return {
    size,
    stems,
    async run(segment, wanted) {
      const outputs = await session.run({ [wave.name]: session.tensor('float32', segment, [1, 2, size]) });
      const made = dataOf(outputs, time, stems * 2 * size);
      const picked = new Float32Array(wanted.length * 2 * size);
      for (const [i, stem] of wanted.entries()) picked.set(channelsOf(made, stem, 2 * size), i * 2 * size);
      return picked;
    },
    release: () => session.release(),
  };
}

function outsideGraph(graph: Common & { spectrogram: TensorInfo; freq: TensorInfo; bins: number }): HtdemucsGraph {
  const { session, stems, size, wave, time, spectrogram, freq, bins } = graph;
  const frames = framesOf(size, bins);
  const stft = htdemucsStft(size, bins);
  /** Of one channel's real or imaginary part. */
  const plane = bins * frames;
  return {
    size,
    stems,
    async run(segment, wanted) {
      // [1, 4, bins, frames]: left re, left im, right re, right im.
      const input = new Float32Array(4 * plane);
      for (let channel = 0; channel < 2; channel += 1) {
        const [re, im] = partsOf(input, channel, plane);
        stft.forward(segment.subarray(channel * size, (channel + 1) * size), re, im);
      }
      const outputs = await session.run({
        [wave.name]: session.tensor('float32', segment, [1, 2, size]),
        [spectrogram.name]: session.tensor('float32', input, [1, 4, bins, frames]),
      });
      const spectra = dataOf(outputs, freq, stems * 4 * plane);
      const waves = dataOf(outputs, time, stems * 2 * size);
      const made = new Float32Array(wanted.length * 2 * size);
      for (const [i, stem] of wanted.entries()) {
        made.set(channelsOf(waves, stem, 2 * size), i * 2 * size);
        for (let channel = 0; channel < 2; channel += 1) {
          const [re, im] = partsOf(spectra, 2 * stem + channel, plane);
          const at = (2 * i + channel) * size;
          stft.inverse(re, im, made.subarray(at, at + size), { add: true });
        }
      }
      return made;
    },
    release: () => session.release(),
  };
}

/**
 * HTDemucs' transform (demucs/htdemucs.py, spec.py): frames of 2 · bins with a quarter's hop, each hop of the segment in
 * the middle of a frame; the Nyquist frequency is left out. What the reference pads and then cuts off again is never made.
 */
export function htdemucsStft(size: number, bins: number): Stft {
  const hop = bins / 2;
  const frames = framesOf(size, bins);
  const start = -(hop / 2) * 3;
  return createStft({ size: 2 * bins, hop, start, frames, samples: size, bins, normalized: true, silentFrames: 2 });
}

function framesOf(size: number, bins: number): number {
  return Math.ceil(size / (bins / 2));
}

/** Real and imaginary part of one channel: [2, plane] → [plane] each. */
function partsOf(data: Float32Array, channel: number, plane: number): [Float32Array, Float32Array] {
  const at = 2 * channel * plane;
  return [data.subarray(at, at + plane), data.subarray(at + plane, at + 2 * plane)];
}

function channelsOf(data: Float32Array, stem: number, length: number): Float32Array {
  return data.subarray(stem * length, (stem + 1) * length);
}

function dataOf(outputs: Record<string, TensorLike>, { name }: TensorInfo, length: number): Float32Array {
  const tensor = outputs[name];
  if (tensor?.data instanceof Float32Array && tensor.data.length === length) return tensor.data;
  throw new Error(`The graph gave ${name} as ${tensor?.type} [${tensor?.dims.join()}], not ${length} floats`);
}

/** The only tensor of that many dimensions. */
function ofRank(tensors: readonly TensorInfo[], rank: number): TensorInfo | undefined {
  const found = tensors.filter(({ shape, type }) => shape.length === rank && type === 'float32');
  return found.length === 1 ? found[0] : undefined;
}

/** Dimensions known at run time only may be anything. */
function isOf({ shape }: TensorInfo, wanted: readonly (number | undefined)[]): boolean {
  return shape.every((dim, i) => typeof dim === 'string' || wanted[i] === undefined || dim === wanted[i]);
}

function noHtdemucs({ inputs, outputs }: OpenedSession, stems: number): Error {
  const list = (tensors: readonly TensorInfo[]) =>
    tensors.map(({ name, type, shape }) => `${name} ${type}[${shape.join()}]`).join(', ');
  return new Error(`The graph is no HTDemucs of ${stems} stems: it takes ${list(inputs)} and gives ${list(outputs)}`);
}
