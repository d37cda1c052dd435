/** transformers.js, where it is installed: its place, its version and what of it the comparisons use. */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface InstalledTransformersJs {
  /** The module's file. */
  entry: string;
  version: string;
}

export interface TransformersJs {
  env: { allowRemoteModels: boolean; localModelPath: string };
  Tensor: new (type: 'float32', data: Float32Array, dims: number[]) => object;
  WhisperForConditionalGeneration: { from_pretrained(name: string, options: object): Promise<RivalWhisper> };
  WhisperFeatureExtractor: new (
    config: object,
  ) => (pcm: Float32Array) => Promise<{ input_features: { dims: number[]; data: Float32Array } }>;
}

export interface RivalWhisper {
  /** [windows][prompt, tokens, `<|endoftext|>` where it ended so] */
  generate(options: object): Promise<{ tolist(): (number | bigint)[][] }>;
  dispose(): Promise<unknown>;
}

export const HOW_TO_INSTALL =
  'transformers.js is no dependency of the project. Install it with\n' +
  '  npm ci --prefix tests/rivals --ignore-scripts\n' +
  'or name a folder whose node_modules has it in TRANSFORMERS_JS.';

/**
 * @param folder the value of TRANSFORMERS_JS: a folder whose node_modules has it; this one by default.
 * @returns undefined where it is not installed here. @throws Error where `folder` is given and has none.
 */
export function findTransformersJs(folder: string | undefined): InstalledTransformersJs | undefined {
  const given = folder !== undefined && folder !== '';
  const require = createRequire(given ? join(resolve(folder), 'package.json') : import.meta.url);
  try {
    const entry = require.resolve('@huggingface/transformers');
    const { version }: { version: string } = require(join(entry, '../../package.json'));
    return { entry, version };
  } catch (error) {
    if (given) throw error;
    return undefined;
  }
}

/** @param entry as `findTransformersJs` names it. */
export async function loadTransformersJs(entry: string): Promise<TransformersJs> {
  return import(pathToFileURL(entry).href);
}
