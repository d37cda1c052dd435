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
  WhisperFeatureExtractor: new (
    config: object,
  ) => (pcm: Float32Array) => Promise<{ input_features: { data: Float32Array } }>;
  WhisperForConditionalGeneration: {
    from_pretrained(name: string, options: object): Promise<{ generate(options: object): Promise<Generated> }>;
  };
}

interface Generated {
  /** [windows][prompt and tokens] */
  tolist(): (number | bigint)[][];
}

const [, , model = '', threads = '1', entry = '', together] = process.argv;
const { env, Tensor, WhisperFeatureExtractor, WhisperForConditionalGeneration }: TransformersJs = await import(
  pathToFileURL(entry).href
);
env.allowRemoteModels = false;
env.localModelPath = dirname(model);
const whisper = await WhisperForConditionalGeneration.from_pretrained(basename(model), {
  dtype: 'fp32',
  device: 'cpu',
  session_options: { intraOpNumThreads: Number(threads), interOpNumThreads: 1, logSeverityLevel: 3 },
});

const extract = new WhisperFeatureExtractor({
  feature_size: MELS,
  sampling_rate: 16_000,
  hop_length: 160,
  n_fft: 400,
  chunk_length: 30,
  n_samples: 480_000,
  nb_max_frames: FRAMES,
});
const prompt = await promptOf(model);

/** `windows` [windows][480000] → [windows][tokens] */
async function generate(windows: readonly Float32Array[], tokens: number): Promise<number[][]> {
  const data = new Float32Array(windows.length * MELS * FRAMES);
  for (const [window, pcm] of windows.entries())
    data.set((await extract(pcm)).input_features.data, window * MELS * FRAMES);
  const output = await whisper.generate({
    inputs: new Tensor('float32', data, [windows.length, MELS, FRAMES]),
    language: 'en',
    task: 'transcribe',
    // Left to itself it makes one prompt whatever the batch, and refuses (4.3.1).
    ...(windows.length > 1 ? { decoder_input_ids: windows.map(() => prompt) } : {}),
    return_timestamps: false,
    do_sample: false,
    min_new_tokens: tokens,
    max_new_tokens: tokens,
  });
  return output.tolist().map((row) => row.slice(-tokens).map(Number));
}

serveWindows(async (windows, tokens) => {
  if (together === 'batch') return { written: await generate(windows, tokens) };
  const written: number[][] = [];
  for (const pcm of windows) written.push(...(await generate([pcm], tokens)));
  return { written };
});

async function promptOf(folder: string): Promise<number[]> {
  return buildPrompt(await layoutOf(folder), { language: 'en', task: 'transcribe', timestamps: false });
}
