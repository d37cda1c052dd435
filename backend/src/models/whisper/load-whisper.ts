/** Opens a Whisper repository's graphs and reads its vocabulary and settings. */
import { readFile } from 'node:fs/promises';
import { createLogMel, MEL_FRAMES } from '../../audio/log-mel.ts';
import type { OpenedSession } from '../../audio/session.ts';
import type { LoadContext } from '../define-model.ts';
import { isOutOfMemory } from '../out-of-memory.ts';
import { openSpeechGraph } from '../speech-graph.ts';
import type { WhisperDecoder } from './decoder.ts';
import { asFloat32 } from './decoder-passes.ts';
import {
  type DecoderFiles,
  decoderFiles,
  dtypesOf,
  encoderFile,
  VAD_FILE,
  VAD_ROLE,
  type WhisperSettings,
  weightsOf,
} from './definition.ts';
import { openEncoder } from './open-encoder.ts';
import type { LoopOptions } from './prepare-loop.ts';
import type { PromptRequest } from './prompt.ts';
import type { WhisperModel } from './request.ts';
import { createScheduler } from './scheduler.ts';
import { createTokenizer } from './tokenizer.ts';
import { windowJobs } from './window-jobs.ts';

export type DecoderContext = Pick<LoadContext, 'file' | 'derivedFolder' | 'openSession' | 'log'>;

export interface OpenedDecoder {
  rows: Pick<WhisperDecoder, 'decode' | 'detectLanguage' | 'alignments'>;
  multilingual: boolean;
  /** The graphs give cross-attention: word times can be had. */
  attends: boolean;
  prompt(request: PromptRequest): number[];
  release(): Promise<void>;
}

/** `files` are names in the repository. */
export type OpenDecoder = (
  context: DecoderContext,
  files: DecoderFiles,
  options?: LoopOptions,
) => Promise<OpenedDecoder>;

export interface LoadedWhisper extends WhisperModel {
  attends: boolean;
  release(): Promise<void>;
}

const WARM_UP_TOKENS = 4;

/** A layer norm in float16 is taken for an RMS norm, and its rewriting fails (ONNX Runtime 1.26 on a CPU). */
export const DISABLED_ON_CPU = ['SimplifiedLayerNormFusion'];

export async function loadWhisper(context: LoadContext, openDecoder: OpenDecoder): Promise<LoadedWhisper> {
  const settings = context.model.settings as WhisperSettings;
  const dtypes = dtypesOf(context.dtype);
  const readJson = async (name: string): Promise<object> => JSON.parse(await readFile(context.file(name), 'utf8'));
  const tokenizer = createTokenizer(await readJson('tokenizer.json'), await readJson('tokenizer_config.json'));
  const vad = await openSpeechGraph(context, context.auxiliaryFile(VAD_ROLE, VAD_FILE));
  const encoder = await openEncoder(context, encoderFile(dtypes), weightsOf(dtypes.encoder));
  const decoder = await openDecoder(context, decoderFiles(dtypes, settings), { weights: weightsOf(dtypes.decoder) });
  const bins = melBins(encoder);
  const mel = createLogMel(bins);
  const encode = (features: Float32Array): Promise<Float32Array> => runEncoder(encoder, features, bins);
  const onSmallerBatch = (size: number, cause: unknown) =>
    context.log('memory ran out: smaller batches from now on', { max_batch: size, reason: messageOf(cause) });
  const silence = await encode(new Float32Array(bins * MEL_FRAMES));
  const wanted = context.maxBatch ?? settings.batching.maxBatch;
  const maxBatch = await warmUp(decoder, silence, wanted, onSmallerBatch);

  return {
    tokenizer,
    scheduler: createScheduler({
      ...settings.batching,
      maxBatch,
      ...windowJobs({ mel, encode, decoder: decoder.rows }),
      onSmallerBatch,
    }),
    vad,
    onlyLanguage: decoder.multilingual ? undefined : 'en',
    prompt: decoder.prompt,
    attends: decoder.attends,
    async release() {
      await decoder.release();
      await encoder.release();
      await vad.release();
    },
  };
}

/**
 * A full batch of windows of silence, and a few tokens of each: the first request does not pay for what the runtime prepares
 * at first use, and what the model holds of a device's memory is measured with it. @returns as many windows as there is memory for
 */
async function warmUp(
  decoder: OpenedDecoder,
  encoding: Float32Array,
  wanted: number,
  onSmallerBatch: (size: number, cause: unknown) => void,
): Promise<number> {
  const prompt = decoder.prompt({ language: 'en', task: 'transcribe', timestamps: true });
  for (let size = wanted; ; size = Math.ceil(size / 2)) {
    try {
      await decoder.rows.decode({
        rows: new Array<Float32Array>(size).fill(encoding),
        prompts: new Array<number[]>(size).fill(prompt),
        timestamps: true,
        maxNewTokens: WARM_UP_TOKENS,
        temperature: 0,
        signal: new AbortController().signal,
      });
      return size;
    } catch (error) {
      if (size === 1 || !isOutOfMemory(error)) throw error;
      onSmallerBatch(Math.ceil(size / 2), error);
    }
  }
}

/** 80, or 128 from large-v3 on. */
function melBins(encoder: OpenedSession): number {
  const bins = encoder.inputs.find(({ name }) => name === 'input_features')?.shape[1];
  if (typeof bins !== 'number') throw new Error('The encoder does not say how many mel bins "input_features" has');
  return bins;
}

/** `features` [bins, 3000] → [1500, d]; exports in float16 may take and give that type. */
async function runEncoder(encoder: OpenedSession, features: Float32Array, bins: number): Promise<Float32Array> {
  const dims = [1, bins, MEL_FRAMES];
  const half = encoder.inputs.some(({ name, type }) => name === 'input_features' && type === 'float16');
  const input = half
    ? encoder.tensor('float16', new Float16Array(features), dims)
    : encoder.tensor('float32', features, dims);
  const { last_hidden_state: hidden } = await encoder.run({ input_features: input });
  if (hidden === undefined) throw new Error('The encoder has no output "last_hidden_state"');
  return asFloat32(hidden);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
