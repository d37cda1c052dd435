/** Opens a repository's encoder: with fused attention where the graph has a form that is known, else as it is. */
import { readFile } from 'node:fs/promises';
import type { OpenedSession } from '../../audio/session.ts';
import { readOnnxFile } from '../onnx-file.ts';
import { type DecoderContext, DISABLED_ON_CPU } from './load-whisper.ts';
import { type EncoderOptions, prepareEncoder } from './prepare-encoder.ts';

/** `graph` is its file name in the repository. */
export async function openEncoder(
  context: DecoderContext,
  graph: string,
  weights: EncoderOptions['weights'],
): Promise<OpenedSession> {
  const path = await fused(context, context.file(graph), weights);
  // An arena would keep what the largest run has needed, about 150 MB on the tiny shape, for a tenth of the encoder's time.
  return context.openSession(path, { keepsMemory: false, disabledOnCpu: DISABLED_ON_CPU });
}

async function fused(context: DecoderContext, path: string, weights: EncoderOptions['weights']): Promise<string> {
  try {
    const { encoder_attention_heads: heads } = JSON.parse(await readFile(context.file('config.json'), 'utf8'));
    if (typeof heads !== 'number') throw new Error('config.json: encoder_attention_heads is no number');
    const encoder = { path, file: readOnnxFile(path) };
    return await prepareEncoder(encoder, { heads, weights }, context.derivedFolder);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.log('the encoder runs as exported, its graph could not be rewritten', { reason });
    return path;
  }
}
