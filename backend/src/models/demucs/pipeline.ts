/** Audio file → a file for each stem. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeStereo } from '../../audio/decode-stereo.ts';
import { STEREO_RATE } from '../../audio/sample-rate.ts';
import { openStereoFile, type StereoSource, writeStereoFile } from '../../audio/stereo-file.ts';
import { INSTRUMENTAL, type SeparationParams, type SeparationResult } from '../../contract/separation.ts';
import type { LoadContext, Pipeline } from '../define-model.ts';
import { namedOutOfMemory } from '../out-of-memory.ts';
import type { DemucsSettings } from './definition.ts';
import { htdemucsGraph } from './htdemucs-graph.ts';
import { separate } from './separate.ts';
import { decibels, openStemFiles } from './stem-files.ts';
import { type BagMember, segmentModel } from './stem-model.ts';

const VOCALS = 'vocals';
const MIX_FILE = 'mix.f32';

export async function load(context: LoadContext): Promise<Pipeline<'separation'>> {
  const { members: listed } = context.model.settings as DemucsSettings;
  const members: BagMember[] = [];
  for (const { file, makes, keeps = makes } of listed) {
    const session = await context.openSession(context.file(file));
    members.push({ graph: htdemucsGraph(session, makes.length), makes, keeps });
  }
  const all = listed.flatMap(({ makes, keeps = makes }) => keeps);
  return {
    async run({ audioPath, limits, outputDir }, params, { signal, emit }) {
      if (outputDir === undefined) throw new Error('A separation needs a folder for its files');
      const mixPath = join(outputDir, MIX_FILE);
      try {
        emit({ type: 'progress', stage: 'decoding', done: 0 });
        await writeStereoFile(mixPath, decodeStereo(audioPath, { signal, ...limits, ...context.tools }));
        await using mix = await openStereoFile(mixPath);
        return await separateInto({ members, all, mix, params, folder: outputDir, signal, context, emit });
      } catch (error) {
        throw namedOutOfMemory(error);
      } finally {
        await rm(mixPath, { force: true });
      }
    },
    async dispose() {
      for (const { graph } of members) await graph.release();
    },
  };
}

interface Work {
  members: readonly BagMember[];
  /** The model's stems. */
  all: readonly string[];
  mix: StereoSource;
  params: SeparationParams;
  folder: string;
  signal: AbortSignal;
  context: Pick<LoadContext, 'tools'>;
  emit(event: { type: 'progress'; stage: 'separation'; done: number }): void;
}

async function separateInto(work: Work): Promise<SeparationResult> {
  const { members, all, mix, params, folder, signal, context, emit } = work;
  const { stems, output, shifts } = params;
  // The instrumental is what the vocals leave of the mix.
  const made = all.filter((stem) =>
    stems.some((asked) => asked === stem || (asked === INSTRUMENTAL && stem === VOCALS)),
  );
  await using files = await openStemFiles({ stems, folder, output, tools: context.tools, signal });
  const blocks = separate(mix, segmentModel(members, made), {
    shifts,
    signal,
    onSegment: (done, total) => emit({ type: 'progress', stage: 'separation', done: done / total }),
  });
  const residual = { mix: 0, lacking: 0 };
  let at = 0;
  for await (const block of blocks) {
    const frames = (block[0]?.length ?? 0) / 2;
    const original = interleaved(await mix.read(at, frames), frames);
    at += frames;
    const own = new Map(made.map((stem, index) => [stem, block[index] ?? new Float32Array()]));
    if (made.length === all.length) addResidual(residual, original, block);
    const vocals = own.get(VOCALS);
    await files.write(
      stems.map((stem) =>
        stem === INSTRUMENTAL
          ? original.map((sample, index) => sample - (vocals?.[index] ?? 0))
          : (own.get(stem) ?? new Float32Array()),
      ),
    );
  }
  return {
    duration: mix.frames / STEREO_RATE,
    sample_rate: STEREO_RATE,
    stems: await files.finish(),
    residual_db: residual.mix === 0 ? null : decibels(residual.lacking / residual.mix),
  };
}

/** [2, frames] → [frames, 2] */
function interleaved(planar: Float32Array, frames: number): Float32Array {
  return Float32Array.from({ length: 2 * frames }, (_, i) => planar[(i % 2) * frames + (i >> 1)] ?? 0);
}

function addResidual(
  residual: { mix: number; lacking: number },
  mix: Float32Array,
  stems: readonly Float32Array[],
): void {
  for (const [index, sample] of mix.entries()) {
    let sum = 0;
    for (const stem of stems) sum += stem[index] ?? 0;
    residual.mix += sample * sample;
    residual.lacking += (sample - sum) ** 2;
  }
}
