/** Opens a repository's decoder: with its loop inside the graph where that can be built, else with the loop outside. */
import { readFile } from 'node:fs/promises';
import type { WhisperDecoder } from './decoder.ts';
import { readLayout, type WhisperLayout } from './layout.ts';
import type { DecoderContext, OpenedDecoder } from './load-whisper.ts';
import { createLoopDecoder } from './loop-decoder.ts';
import { readOnnxFile } from './onnx-file.ts';
import { type DecoderGraph, prepareLoop } from './prepare-loop.ts';
import { buildPrompt } from './prompt.ts';
import { createStepDecoder } from './step-decoder.ts';

/** Keys and values grow with each token. */
const GROWING = { plansMemory: false, keepsMemory: false };

/** `graphs` are file names in the repository. */
export async function openDecoder(
  context: DecoderContext,
  graphs: { decoder: string; decoderWithPast: string },
): Promise<OpenedDecoder> {
  const readJson = async (name: string) => JSON.parse(await readFile(context.file(name), 'utf8'));
  const prefill = readGraph(context.file(graphs.decoder));
  const layout = readLayout(await readJson('config.json'), await readJson('generation_config.json'), prefill.file);
  const paths = { prefill: prefill.path, step: context.file(graphs.decoderWithPast) };
  const decoder = await openBest(context, layout, prefill, paths);
  return {
    rows: decoder,
    multilingual: layout.isMultilingual,
    attends: layout.hasCrossAttentions,
    prompt: (parts) => buildPrompt(layout, parts),
    release: () => decoder.release(),
  };
}

function readGraph(path: string): DecoderGraph {
  return { path, file: readOnnxFile(path) };
}

async function openBest(
  context: DecoderContext,
  layout: WhisperLayout,
  prefill: DecoderGraph,
  paths: { prefill: string; step: string },
): Promise<WhisperDecoder> {
  const openSteps = async () =>
    createStepDecoder(
      {
        prefill: await context.openSession(paths.prefill, GROWING),
        step: await context.openSession(paths.step, GROWING),
      },
      layout,
    );
  try {
    const graph = await prepareLoop({ prefill, step: readGraph(paths.step) }, layout, context.derivedFolder);
    return createLoopDecoder(await context.openSession(graph, GROWING), layout);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.log('the decoder runs step by step, its loop could not be put into the graph', { reason });
    return openSteps();
  }
}
