/** Opens a repository's decoder: with its loop inside the graph where that can be built, else with the loop outside. */
import { readFile } from 'node:fs/promises';
import type { OpenedSession } from '../../audio/session.ts';
import type { GraphOnDisk } from '../derived-graph.ts';
import { readOnnxFile } from '../onnx-file.ts';
import { withBeamsOnDemand } from './beams-on-demand.ts';
import { createCrossRows } from './cross-rows.ts';
import type { WhisperDecoder } from './decoder.ts';
import type { DecoderFiles } from './definition.ts';
import { readLayout, type WhisperLayout } from './layout.ts';
import { type DecoderContext, DISABLED_ON_CPU, type OpenedDecoder } from './load-whisper.ts';
import { createLoopDecoder, type LoopDecoderOptions } from './loop-decoder.ts';
import { type LoopGraphs, type LoopOptions, prepareLoop } from './prepare-loop.ts';
import { buildPrompt } from './prompt.ts';
import { createStepDecoder } from './step-decoder.ts';

/** Keys and values grow with each token. */
const GROWING = { plansMemory: false, keepsMemory: false, disabledOnCpu: DISABLED_ON_CPU };

/** `files` are names in the repository. */
export async function openDecoder(
  context: DecoderContext,
  files: DecoderFiles,
  options: LoopOptions = { weights: 'as-exported' },
): Promise<OpenedDecoder> {
  const readJson = async (name: string) => JSON.parse(await readFile(context.file(name), 'utf8'));
  const first = readGraph(context.file('merged' in files ? files.merged : files.decoder));
  const layout = readLayout(await readJson('config.json'), await readJson('generation_config.json'), first.file);
  const step = 'merged' in files ? undefined : context.file(files.decoderWithPast);
  const decoder = await openBest(context, layout, { first, step }, options);
  return {
    rows: decoder,
    multilingual: layout.isMultilingual,
    attends: layout.hasCrossAttentions,
    prompt: (parts) => buildPrompt(layout, parts),
    release: () => decoder.release(),
  };
}

function readGraph(path: string): GraphOnDisk {
  return { path, file: readOnnxFile(path) };
}

/** `first` is the prompt's graph, and that of each token after it has the path `step`; without one, `first` is both. */
async function openBest(
  context: DecoderContext,
  layout: WhisperLayout,
  { first, step }: { first: GraphOnDisk; step: string | undefined },
  options: LoopOptions,
): Promise<WhisperDecoder> {
  const open = (path: string) => context.openSession(path, GROWING);
  const openSteps = async (next: string) =>
    createStepDecoder({ prefill: await open(first.path), step: await open(next) }, layout);
  if (step === undefined) {
    stepByStep(context, 'the repository has the merged graph alone');
    return createStepDecoder({ merged: await open(first.path) }, layout);
  }
  try {
    const graphs = { prefill: first, step: readGraph(step) };
    const paths = await prepareLoop(graphs, layout, context.derivedFolder, options);
    return withBeamsOnDemand(await openLoop(paths, layout, open), () => openSteps(step));
  } catch (error) {
    stepByStep(context, error instanceof Error ? error.message : String(error));
    return openSteps(step);
  }
}

export async function openLoop(
  graphs: LoopGraphs,
  layout: WhisperLayout,
  open: (path: string) => Promise<OpenedSession>,
  options: Pick<LoopDecoderOptions, 'tokensPerRun'> = {},
): Promise<WhisperDecoder> {
  const cross = graphs.cross === undefined ? undefined : createCrossRows(await open(graphs.cross), layout.dModel);
  return createLoopDecoder(await open(graphs.loop), layout, { ...options, cross });
}

function stepByStep(context: DecoderContext, reason: string): void {
  context.log('the decoder runs step by step, its loop could not be put into the graph', { reason });
}
