/** Child of the Whisper benchmark: transformers.js, from a folder outside the project. Windows as one batch, or in turn. */
import { basename, dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildPrompt } from '../../../backend/src/models/whisper/prompt.ts';
import { layoutOf } from './whisper-model.ts';
import { FRAMES, MELS, serveWindows } from './whisper-protocol.ts';

/** What of it is used here. */
interface TransformersJs {
  env: { allowRemoteModels: boolean; localModelPath: string };
  Tensor: new (type: 'float32', data: Float32Array, dims: number[]) => unknown;
  WhisperForConditionalGeneration: {
    from_pretrained(name: string, options: object): Promise<{ generate(options: object): Promise<Generated> }>;
  };
}

interface Generated {
  /** [windows][prompt and tokens] */
  tolist(): (number | bigint)[][];
}

const [, , model = '', entry = '', together] = process.argv;
const { env, Tensor, WhisperForConditionalGeneration }: TransformersJs = await import(pathToFileURL(entry).href);
env.allowRemoteModels = false;
env.localModelPath = dirname(model);
const whisper = await WhisperForConditionalGeneration.from_pretrained(basename(model), {
  dtype: 'fp32',
  device: 'cpu',
  session_options: { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 },
});

const prompt = await promptOf(model);

/** `features` [windows][80 · 3000] → [windows][tokens] */
async function generate(features: readonly Float32Array[], tokens: number): Promise<number[][]> {
  const data = new Float32Array(features.length * MELS * FRAMES);
  for (const [window, part] of features.entries()) data.set(part, window * part.length);
  const output = await whisper.generate({
    inputs: new Tensor('float32', data, [features.length, MELS, FRAMES]),
    language: 'en',
    task: 'transcribe',
    // Left to itself it makes one prompt whatever the batch, and refuses (4.3.1).
    ...(features.length > 1 ? { decoder_input_ids: features.map(() => prompt) } : {}),
    return_timestamps: false,
    do_sample: false,
    min_new_tokens: tokens,
    max_new_tokens: tokens,
  });
  return output.tolist().map((row) => row.slice(-tokens).map(Number));
}

serveWindows(async (features, tokens) => {
  if (together === 'batch') return { written: await generate(features, tokens) };
  const written: number[][] = [];
  for (const window of features) written.push(...(await generate([window], tokens)));
  return { written };
});

async function promptOf(folder: string): Promise<number[]> {
  return buildPrompt(await layoutOf(folder), { language: 'en', task: 'transcribe', timestamps: false });
}
