/** An MDX-Net graph (UVR's) as a function from a segment to the one stem that it predicts. */
import type { OpenedSession } from '../../audio/session.ts';
import { createStft } from '../../audio/stft.ts';

/** What an MDX-Net was trained with; its graph does not tell n_fft (UVR's model_data.json does). */
export interface MdxSettings {
  /** n_fft */
  fft: number;
  /** The predicted stem's loudness is corrected by this factor. */
  compensate: number;
  /** The stem it predicts, and the name of the rest. */
  stems: readonly [primary: string, other: string];
}

/** Frequencies `dim_f` follow from the graph. Sources: UVR's model_data.json, by the graphs' names. */
export const MDX_MODELS: Readonly<Record<string, MdxSettings>> = {
  'UVR-MDX-NET-Inst_HQ_3': { fft: 6144, compensate: 1.022, stems: ['instrumental', 'vocals'] },
  'UVR-MDX-NET-Inst_HQ_4': { fft: 5120, compensate: 1.019, stems: ['instrumental', 'vocals'] },
  'UVR-MDX-NET-Inst_HQ_5': { fft: 5120, compensate: 1.01, stems: ['instrumental', 'vocals'] },
  'UVR-MDX-NET-Inst_Main': { fft: 5120, compensate: 1.025, stems: ['instrumental', 'vocals'] },
  'UVR-MDX-NET-Voc_FT': { fft: 7680, compensate: 1.021, stems: ['vocals', 'instrumental'] },
  Kim_Vocal_2: { fft: 7680, compensate: 1.009, stems: ['vocals', 'instrumental'] },
  UVR_MDXNET_KARA_2: { fft: 5120, compensate: 1.065, stems: ['instrumental', 'vocals'] },
};

export interface MdxGraph {
  /** Frames of a segment, at 44.1 kHz. */
  readonly size: number;
  /** [2, size] → the predicted stem [2, size]. */
  run(segment: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

const HOP = 1024;
/** Columns of a spectrogram where the graph leaves them open. */
const COLUMNS = 256;
/** The lowest frequencies are kept from the network (audio-separator, UVR). */
const SILENT_BINS = 3;

export interface MdxRunOptions {
  fft: number;
  /** Hears each segment upside down too and averages: less noise at twice the time. Default false. */
  denoise?: boolean | undefined;
}

/** @throws Error where the graph takes no [B, 4, dim_f, columns], or more frequencies than `fft` has. */
export function mdxGraph(session: OpenedSession, { fft, denoise = false }: MdxRunOptions): MdxGraph {
  const [input, output] = [session.inputs[0], session.outputs[0]];
  const [, parts, bins, width = COLUMNS] = input?.shape ?? [];
  if (input === undefined || output === undefined || parts !== 4 || typeof bins !== 'number' || bins > fft / 2 + 1) {
    throw new Error(
      `The graph is no MDX-Net of n_fft ${fft}: it takes [${input?.shape.join()}], not [B, 4, dim_f, 256]`,
    );
  }
  const columns = typeof width === 'number' ? width : COLUMNS;
  const size = HOP * (columns - 1);
  const stft = createStft({ size: fft, hop: HOP, start: -fft / 2, frames: columns, samples: size, bins });
  const plane = bins * columns;
  const part = (data: Float32Array, index: number) => data.subarray(index * plane, (index + 1) * plane);

  /** [4, bins, columns] → the same shape. */
  const predict = async (spectrogram: Float32Array): Promise<Float32Array> => {
    const tensor = session.tensor('float32', spectrogram, [1, 4, bins, columns]);
    const made = (await session.run({ [input.name]: tensor }))[output.name];
    if (made?.data instanceof Float32Array && made.data.length === spectrogram.length) return made.data;
    throw new Error(`The graph gave ${made?.type} [${made?.dims.join()}], not [1, 4, ${bins}, ${columns}]`);
  };

  return {
    size,
    async run(segment) {
      const spectrogram = new Float32Array(4 * plane);
      for (let channel = 0; channel < 2; channel += 1) {
        const wave = segment.subarray(channel * size, (channel + 1) * size);
        stft.forward(wave, part(spectrogram, 2 * channel), part(spectrogram, 2 * channel + 1));
      }
      for (let index = 0; index < 4; index += 1) part(spectrogram, index).fill(0, 0, SILENT_BINS * columns);
      let made = await predict(spectrogram);
      if (denoise) {
        const opposite = await predict(spectrogram.map((value) => -value));
        made = made.map((value, i) => (value - (opposite[i] as number)) / 2);
      }
      const stem = new Float32Array(2 * size);
      for (let channel = 0; channel < 2; channel += 1) {
        const wave = stem.subarray(channel * size, (channel + 1) * size);
        stft.inverse(part(made, 2 * channel), part(made, 2 * channel + 1), wave);
      }
      return stem;
    },
    release: () => session.release(),
  };
}
