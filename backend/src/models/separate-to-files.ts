/** What separation families share: an audio file in, a file for each stem out, and what is to be said of them. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeStereo } from '../audio/decode-stereo.ts';
import type { Encoding } from '../audio/encode.ts';
import { createLoudnessMeter, type LoudnessMeter } from '../audio/loudness.ts';
import type { TrackPart } from '../audio/overlap-add.ts';
import { STEREO_RATE } from '../audio/sample-rate.ts';
import { MIX_FILE, pieceFile } from '../audio/separation-pieces.ts';
import {
  openStereoFile,
  type StereoFile,
  type StereoSource,
  writeStereoFile,
  writeStereoFiles,
} from '../audio/stereo-file.ts';
import { writeStems } from '../audio/write-stems.ts';
import {
  type AskedStem,
  INSTRUMENTAL,
  type SeparatedStem,
  type SeparationOutput,
  type SeparationParams,
  type SeparationResult,
  stemFile,
} from '../contract/separation.ts';
import type { LoadContext, RunContext, RunInput } from './define-model.ts';
import { namedOutOfMemory } from './out-of-memory.ts';

export interface Separator {
  /** All stems that the model makes. */
  stems: readonly string[];
  /**
   * Those that are wanted, in the model's order: blocks of samples [n, 2] each, in order and without gaps, of the whole track or a part of it.
   * `onSegment` is told after each segment.
   */
  separate(
    track: StereoSource,
    wanted: readonly string[],
    options: {
      shifts: number;
      /** Default: the whole track. */
      part?: TrackPart;
      signal: AbortSignal;
      onSegment(done: number, total: number): void;
    },
  ): AsyncIterable<readonly Float32Array[]>;
}

const VOCALS = 'vocals';

const ENCODINGS: Readonly<Record<SeparationOutput, Encoding>> = {
  wav: { format: 'wav', sample: 's16' },
  wav_24: { format: 'wav', sample: 's24' },
  wav_float: { format: 'wav', sample: 'f32' },
  flac: { format: 'flac', sample: 's24' },
  mp3: { format: 'mp3', kbps: 256 },
  opus: { format: 'opus', kbps: 160 },
};

interface Work {
  separator: Separator;
  input: RunInput & { outputDir: string };
  params: SeparationParams;
  context: RunContext<'separation'>;
  tools: LoadContext['tools'];
}

/** The work of a separation pipeline's `run`, or a step of it. */
export async function separateToFiles(
  separator: Separator,
  input: RunInput,
  params: SeparationParams,
  context: RunContext<'separation'>,
  tools: LoadContext['tools'],
): Promise<SeparationResult> {
  const { outputDir, step } = input;
  if (outputDir === undefined) throw new Error('A separation needs a folder for its files');
  const work: Work = { separator, input: { ...input, outputDir }, params, context, tools };
  const mixPath = join(outputDir, MIX_FILE);
  try {
    if (step?.name === 'part') return await separatePart(work, mixPath, step.part);
    if (step?.name === 'join') return await writeFiles({ ...work, separator: joining(work, step.parts) }, mixPath);
    if (!existsSync(mixPath)) await decode(work, mixPath);
    return step === undefined ? await writeFiles(work, mixPath) : NOTHING_YET;
  } catch (error) {
    throw namedOutOfMemory(error);
  } finally {
    if (step === undefined) await rm(mixPath, { force: true });
  }
}

/** Of no audio: what a request's speed is measured by. */
const NOTHING_YET: SeparationResult = { duration: 0, sample_rate: STEREO_RATE, stems: [], residual_db: null };

async function decode({ input, context: { signal, emit }, tools }: Work, mixPath: string): Promise<void> {
  emit({ type: 'progress', stage: 'decoding', done: 0 });
  await writeStereoFile(mixPath, decodeStereo(input.audioPath, { signal, ...input.limits, ...tools }));
}

/** All stems that are asked for, a file each. */
async function writeFiles(
  { separator, input, params, context, tools }: Work,
  mixPath: string,
): Promise<SeparationResult> {
  const { signal } = context;
  await using mix = await openStereoFile(mixPath);
  const stems = tapStems(separator, mix, params, { signal, onSegment: progressOf(context) });
  const files = params.stems.map((stem) => stemFile(stem, params.output));
  const paths = files.map((file) => join(input.outputDir, file));
  await writeStems(stems.blocks, paths, { encoding: ENCODINGS[params.output], signal, ffmpegPath: tools.ffmpegPath });
  return {
    duration: mix.frames / STEREO_RATE,
    sample_rate: STEREO_RATE,
    stems: params.stems.map((stem, index) => ({ stem, file: files[index] ?? '', ...stems.levelOf(index) })),
    residual_db: stems.residual(),
  };
}

/** What the model makes of a part of the track, as it is, for `joining`. */
async function separatePart(
  { separator, input, params, context }: Work,
  mixPath: string,
  part: TrackPart,
): Promise<SeparationResult> {
  const made = stemsToMake(separator.stems, params.stems);
  const paths = made.map((stem) => join(input.outputDir, pieceFile(stem, part)));
  if (paths.every(existsSync)) return NOTHING_YET;
  await using mix = await openStereoFile(mixPath);
  const { signal } = context;
  const blocks = separator.separate(mix, made, {
    ...{ part, signal, shifts: params.shifts },
    onSegment: progressOf(context),
  });
  const frames = await writeStereoFiles(paths, blocks);
  return { ...NOTHING_YET, duration: frames / STEREO_RATE };
}

/** As the model would separate the track, from what is there of its parts already. */
function joining({ separator, input }: Work, count: number): Separator {
  return {
    stems: separator.stems,
    async *separate(_, wanted, { signal }) {
      for (let index = 0; index < count; index += 1) {
        await using opened = new AsyncDisposableStack();
        const files: StereoFile[] = [];
        for (const stem of wanted) {
          files.push(opened.use(await openStereoFile(join(input.outputDir, pieceFile(stem, { index, count })))));
        }
        const frames = files[0]?.frames ?? 0;
        for (let from = 0; from < frames; from += STEREO_RATE) {
          signal.throwIfAborted();
          const length = Math.min(STEREO_RATE, frames - from);
          yield await Promise.all(files.map(async (file) => interleaved(await file.read(from, length), length)));
        }
      }
    },
  };
}

function progressOf({ emit }: RunContext<'separation'>): (done: number, total: number) => void {
  return (done, total) => emit({ type: 'progress', stage: 'separation', done: done / total });
}

/** An instrumental that the model does not make is what the vocals leave of the mix. */
function stemsToMake(all: readonly string[], asked: readonly AskedStem[]): string[] {
  const fromVocals = asked.includes(INSTRUMENTAL) && !all.includes(INSTRUMENTAL);
  return all.filter((stem) => asked.some((each) => each === stem) || (fromVocals && stem === VOCALS));
}

interface Level {
  peak: number;
  clipped: number;
  meter: LoudnessMeter;
}

/** The asked stems, measured as they pass. */
function tapStems(
  { stems: all, separate }: Separator,
  mix: StereoSource,
  { stems, shifts }: SeparationParams,
  options: { signal: AbortSignal; onSegment(done: number, total: number): void },
) {
  const made = stemsToMake(all, stems);
  const levels = stems.map((): Level => ({ peak: 0, clipped: 0, meter: createLoudnessMeter(STEREO_RATE) }));
  const power = { mix: 0, lacking: 0 };

  async function* blocks(): AsyncGenerator<Float32Array[], void, void> {
    let at = 0;
    for await (const block of separate(mix, made, { shifts, ...options })) {
      const frames = (block[0]?.length ?? 0) / 2;
      const original = interleaved(await mix.read(at, frames), frames);
      at += frames;
      if (made.length === all.length) addResidual(power, original, block);
      const own = new Map(made.map((stem, index) => [stem, block[index] ?? new Float32Array()]));
      const asked = stems.map((stem) => own.get(stem) ?? without(original, own.get(VOCALS) ?? new Float32Array()));
      for (const [index, samples] of asked.entries()) addLevel(levels[index], samples);
      yield asked;
    }
  }

  return {
    blocks: blocks(),
    levelOf: (index: number) => describe(levels[index]),
    residual: () => (power.mix === 0 ? null : decibels(power.lacking / power.mix)),
  };
}

/** [2, frames] → [frames, 2] */
function interleaved(planar: Float32Array, frames: number): Float32Array {
  return Float32Array.from({ length: 2 * frames }, (_, i) => planar[(i % 2) * frames + (i >> 1)] ?? 0);
}

function without(mix: Float32Array, vocals: Float32Array): Float32Array {
  return mix.map((sample, index) => sample - (vocals[index] ?? 0));
}

function addResidual(power: { mix: number; lacking: number }, mix: Float32Array, stems: readonly Float32Array[]): void {
  for (const [index, sample] of mix.entries()) {
    let sum = 0;
    for (const stem of stems) sum += stem[index] ?? 0;
    power.mix += sample * sample;
    power.lacking += (sample - sum) ** 2;
  }
}

function addLevel(level: Level | undefined, samples: Float32Array): void {
  if (level === undefined) return;
  for (const sample of samples) {
    const magnitude = Math.abs(sample);
    if (magnitude > level.peak) level.peak = magnitude;
    if (magnitude > 1) level.clipped += 1;
  }
  level.meter.add(samples);
}

function describe(level: Level | undefined): Omit<SeparatedStem, 'stem'> {
  const loudness = level?.meter.integrated() ?? null;
  return {
    peak_dbfs: decibels((level?.peak ?? 0) ** 2),
    loudness_lufs: loudness === null ? null : Math.round(100 * loudness) / 100,
    clipped_samples: level?.clipped ?? 0,
  };
}

/** Of a power; null for none. */
function decibels(power: number): number | null {
  return power > 0 ? Math.round(1000 * Math.log10(power)) / 100 : null;
}
