/** Stems as they come → a file each, and what is to be said of them. */
import { join } from 'node:path';
import { type AudioEncoder, type Encoding, openEncoder } from '../../audio/encode.ts';
import type { FfmpegPrograms } from '../../audio/ffmpeg.ts';
import { createLoudnessMeter, type LoudnessMeter } from '../../audio/loudness.ts';
import { STEREO_RATE } from '../../audio/sample-rate.ts';
import type { AskedStem, SeparatedStem, SeparationOutput } from '../../contract/separation.ts';

export interface StemFilesOptions {
  stems: readonly AskedStem[];
  /** A folder that is there. */
  folder: string;
  output: SeparationOutput;
  tools: Pick<FfmpegPrograms, 'ffmpegPath'>;
  signal: AbortSignal;
}

export interface StemFiles extends AsyncDisposable {
  /** The next samples [n, 2] of each stem, in their order. */
  write(samples: readonly Float32Array[]): Promise<void>;
  /** The files have their names. */
  finish(): Promise<(SeparatedStem & { file: string })[]>;
}

const ENCODINGS: Readonly<Record<SeparationOutput, { suffix: string; encoding: Encoding }>> = {
  wav: { suffix: 'wav', encoding: { format: 'wav', sample: 's16' } },
  wav_24: { suffix: 'wav', encoding: { format: 'wav', sample: 's24' } },
  wav_float: { suffix: 'wav', encoding: { format: 'wav', sample: 'f32' } },
  flac: { suffix: 'flac', encoding: { format: 'flac', sample: 's24' } },
  mp3: { suffix: 'mp3', encoding: { format: 'mp3', kbps: 256 } },
  opus: { suffix: 'opus', encoding: { format: 'opus', kbps: 160 } },
};

/** Disposed of before `finish`, it leaves no file. */
export async function openStemFiles({ stems, folder, output, tools, signal }: StemFilesOptions): Promise<StemFiles> {
  const { suffix, encoding } = ENCODINGS[output];
  await using opened = new AsyncDisposableStack();
  const writers: StemWriter[] = [];
  for (const stem of stems) {
    const file = `${stem}.${suffix}`;
    const options = { ...tools, encoding, sampleRate: STEREO_RATE, channels: 2, signal };
    const encoder = opened.use(await openEncoder(join(folder, file), options));
    writers.push({ stem, file, encoder, level: { peak: 0, clipped: 0, meter: createLoudnessMeter(STEREO_RATE) } });
  }
  const encoders = opened.move();
  return {
    async write(samples) {
      for (const [index, { encoder, level }] of writers.entries()) {
        const own = samples[index] ?? new Float32Array();
        addLevel(level, own);
        await encoder.write(own);
      }
    },
    async finish() {
      for (const { encoder } of writers) await encoder.finish();
      return writers.map(({ stem, file, level }) => ({ stem, file, ...describe(level) }));
    },
    [Symbol.asyncDispose]: () => encoders.disposeAsync(),
  };
}

interface StemWriter {
  stem: AskedStem;
  file: string;
  encoder: AudioEncoder;
  level: Level;
}

interface Level {
  peak: number;
  clipped: number;
  meter: LoudnessMeter;
}

function addLevel(level: Level, samples: Float32Array): void {
  for (const sample of samples) {
    const magnitude = Math.abs(sample);
    if (magnitude > level.peak) level.peak = magnitude;
    if (magnitude > 1) level.clipped += 1;
  }
  level.meter.add(samples);
}

function describe({ peak, clipped, meter }: Level): Omit<SeparatedStem, 'stem'> {
  const loudness = meter.integrated();
  return {
    peak_dbfs: decibels(peak * peak),
    loudness_lufs: loudness === null ? null : Math.round(100 * loudness) / 100,
    clipped_samples: clipped,
  };
}

/** Of a power; null for none. */
export function decibels(power: number): number | null {
  return power > 0 ? Math.round(1000 * Math.log10(power)) / 100 : null;
}
