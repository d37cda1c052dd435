/** The decoders the Whisper benchmark measures, opened as the worker opens them, on one thread. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WhisperDecoder } from '../../../backend/src/models/whisper/decoder.ts';
import { readLayout, type WhisperLayout } from '../../../backend/src/models/whisper/layout.ts';
import { createLoopDecoder } from '../../../backend/src/models/whisper/loop-decoder.ts';
import { readOnnxFile } from '../../../backend/src/models/whisper/onnx-file.ts';
import { prepareLoop } from '../../../backend/src/models/whisper/prepare-loop.ts';
import { createStepDecoder } from '../../../backend/src/models/whisper/step-decoder.ts';
import { openSession } from '../../../backend/src/worker/onnx.ts';

export const ONE_THREAD = { threads: 1, device: 'cpu' };

const PREFILL = 'onnx/decoder_model.onnx';
const STEP = 'onnx/decoder_with_past_model.onnx';

export async function layoutOf(model: string): Promise<WhisperLayout> {
  const readJson = async (name: string) => JSON.parse(await readFile(join(model, name), 'utf8'));
  const prefill = readOnnxFile(join(model, PREFILL));
  return readLayout(await readJson('config.json'), await readJson('generation_config.json'), prefill);
}

/** The rewritten graph's path; made at the first call, as at a model's first load. @throws where it cannot be made. */
export async function loopGraphOf(model: string): Promise<string> {
  const graph = (name: string) => ({ path: join(model, name), file: readOnnxFile(join(model, name)) });
  const layout = await layoutOf(model);
  return prepareLoop({ prefill: graph(PREFILL), step: graph(STEP) }, layout, async () => join(model, 'derived'));
}

export async function openLoop(loopGraph: string, layout: WhisperLayout): Promise<WhisperDecoder> {
  return createLoopDecoder(await openSession(loopGraph, ONE_THREAD), layout);
}

export async function openSteps(model: string, layout: WhisperLayout): Promise<WhisperDecoder> {
  const prefill = await openSession(join(model, PREFILL), ONE_THREAD);
  const step = await openSession(join(model, STEP), ONE_THREAD);
  return createStepDecoder({ prefill, step }, layout);
}
