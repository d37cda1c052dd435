/** The graphs the Whisper benchmark measures, made and opened as the worker makes and opens them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readOnnxFile } from '../../../backend/src/models/onnx-file.ts';
import type { WhisperDecoder } from '../../../backend/src/models/whisper/decoder.ts';
import { readLayout, type WhisperLayout } from '../../../backend/src/models/whisper/layout.ts';
import { openLoop } from '../../../backend/src/models/whisper/open-decoder.ts';
import { prepareEncoder } from '../../../backend/src/models/whisper/prepare-encoder.ts';
import { type LoopGraphs, prepareLoop } from '../../../backend/src/models/whisper/prepare-loop.ts';
import { createStepDecoder } from '../../../backend/src/models/whisper/step-decoder.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';

const PREFILL = 'onnx/decoder_model.onnx';
const STEP = 'onnx/decoder_with_past_model.onnx';
const ENCODER = 'onnx/encoder_model.onnx';

export type Weights = 'as-exported' | 'int8';

export async function layoutOf(model: string): Promise<WhisperLayout> {
  const readJson = async (name: string) => JSON.parse(await readFile(join(model, name), 'utf8'));
  const prefill = readOnnxFile(join(model, PREFILL));
  return readLayout(await readJson('config.json'), await readJson('generation_config.json'), prefill);
}

/** The rewritten graphs' paths; made at the first call, as at a model's first load. @throws where they cannot be made. */
export async function preparedGraphs(model: string, weights: { encoder: Weights; decoder: Weights }) {
  const graph = (name: string) => ({ path: join(model, name), file: readOnnxFile(join(model, name)) });
  const layout = await layoutOf(model);
  const derived = async () => join(model, 'derived');
  const { encoder_attention_heads: heads } = JSON.parse(await readFile(join(model, 'config.json'), 'utf8'));
  return {
    encoder: await prepareEncoder(graph(ENCODER), { heads, weights: weights.encoder }, derived),
    loop: await prepareLoop({ prefill: graph(PREFILL), step: graph(STEP) }, layout, derived, {
      weights: weights.decoder,
    }),
  };
}

const AS_IN_WORKER = { plansMemory: false, keepsMemory: false };

export const exportedEncoder = (model: string): string => join(model, ENCODER);

export function openPreparedLoop(graphs: LoopGraphs, layout: WhisperLayout, threads: number): Promise<WhisperDecoder> {
  return openLoop(graphs, layout, (path) => openSession(path, { threads, device: 'cpu', ...AS_IN_WORKER }));
}

export async function openSteps(model: string, layout: WhisperLayout, threads: number): Promise<WhisperDecoder> {
  const open = (name: string) => openSession(join(model, name), { threads, device: 'cpu', ...AS_IN_WORKER });
  return createStepDecoder({ prefill: await open(PREFILL), step: await open(STEP) }, layout);
}
