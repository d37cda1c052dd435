/** Whisper (OpenAI) as exported to ONNX by the onnx-community, and any repository of that layout. */
import { LANGUAGE_CODES } from '../../text/languages.ts';
import { defineModel, type ModelDefinition } from '../define-model.ts';

export type Dtype = 'fp32' | 'fp16' | 'q8' | 'q4';

export interface WhisperSettings {
  /** Precision of the graphs; the files follow from it. */
  dtype: { encoder: Dtype; decoder: Dtype };
  /**
   * Windows decoded together, from whatever requests, and how long (milliseconds) a lone one waits for company. Each
   * takes its share of memory for the keys and values of the encoder's output: layers · heads · 768 kB in float32
   * (tiny 18 MB, base 37, small 110, medium 295, turbo 61).
   */
  batching: { maxBatch: number; maxWaitMs: number };
  /** `windows`: cut at pauses, in batches. `sequential`: the reference's way, slower, each window knowing the text before. */
  longForm: 'windows' | 'sequential';
  /** The model of the same weights whose graphs give the attention that word times need; its own id if it is this one. */
  wordTimes?: string;
}

export const VAD_ROLE = 'vad';
export const VAD_FILE = 'onnx/model.onnx';

/** File names the pipeline reads besides the graphs. */
export const WHISPER_CONFIGS = [
  'config.json',
  'generation_config.json',
  'preprocessor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
] as const;

const SUFFIX: Record<Dtype, string> = { fp32: '', fp16: '_fp16', q8: '_quantized', q4: '_q4' };

/** The graphs inside the repository. */
export function graphFiles({ encoder, decoder }: WhisperSettings['dtype']) {
  return {
    encoder: `onnx/encoder_model${SUFFIX[encoder]}.onnx`,
    decoder: `onnx/decoder_model${SUFFIX[decoder]}.onnx`,
    decoderWithPast: `onnx/decoder_with_past_model${SUFFIX[decoder]}.onnx`,
  };
}

export interface WhisperListing {
  id: string;
  repo: string;
  revision?: string;
  published: string;
  license: string;
  languages: readonly string[];
  estimateBytes: number;
  settings: WhisperSettings;
  /** Weights beside the graphs (`encoder_model.onnx_data`). */
  externalData?: readonly string[];
}

/** A listing → its definition; for repositories of one's own too. */
export function whisper({
  id,
  repo,
  revision = 'main',
  externalData = [],
  ...listing
}: WhisperListing): ModelDefinition {
  const { published, license, languages, estimateBytes, settings } = listing;
  return {
    id,
    repo,
    revision,
    published,
    files: [...WHISPER_CONFIGS, ...Object.values(graphFiles(settings.dtype)), ...externalData],
    languages,
    // The English-only models know one language; turbo was not trained to translate.
    translates: languages.length > 1 && !id.includes('turbo'),
    logprobs: true,
    beamSearch: true,
    license,
    auxiliary: { [VAD_ROLE]: { repo: 'onnx-community/silero-vad', revision: 'main', files: [VAD_FILE] } },
    memory: { estimateBytes },
    // They interleave by window: one long file keeps the model busy, the others shall get in between.
    concurrency: 8,
    settings,
  };
}

/** Cantonese came with large-v3. */
const BEFORE_V3 = LANGUAGE_CODES.filter((code) => code !== 'yue');
const MIB = 2 ** 20;

/**
 * The encoder stays in float32: quantization harms it most. The decoder of the small sizes too: in int8 a window's
 * logits depend on the windows it shares a batch with (one quantization range for all), and there is little to save.
 */
const FP32: WhisperSettings['dtype'] = { encoder: 'fp32', decoder: 'fp32' };
const MIXED: WhisperSettings['dtype'] = { encoder: 'fp32', decoder: 'q8' };

interface Size {
  /** `whisper-tiny` */
  id: string;
  revision?: string;
  /** There is a variant that knows English alone. */
  english: boolean;
  /** Resident: both decoder graphs, the encoder, and its activations for a window. */
  estimateBytes: number;
  dtype: WhisperSettings['dtype'];
  /** About 200 MB of keys and values. */
  maxBatch: number;
  published?: string;
  license?: string;
  languages?: readonly string[];
  externalData?: readonly string[];
}

const SIZES: readonly Size[] = [
  {
    id: 'whisper-tiny',
    revision: 'ff4177021cc41f7db950912b73ea4fdf7d01d8e7',
    english: true,
    estimateBytes: 600 * MIB,
    dtype: FP32,
    maxBatch: 8,
  },
  {
    id: 'whisper-base',
    revision: '1846881b6b3a3024392c1eea3ad983695bc23925',
    english: true,
    estimateBytes: 900 * MIB,
    dtype: FP32,
    maxBatch: 4,
  },
  {
    id: 'whisper-small',
    revision: '36050c46d777d46dc4b5f43f6d90574fc38f8732',
    english: true,
    estimateBytes: 1300 * MIB,
    dtype: MIXED,
    maxBatch: 2,
  },
  {
    id: 'whisper-large-v3-turbo',
    english: false,
    estimateBytes: 4000 * MIB,
    dtype: MIXED,
    maxBatch: 4,
    published: '2024-10-01',
    license: 'MIT',
    languages: LANGUAGE_CODES,
    externalData: ['onnx/encoder_model.onnx_data'],
  },
];

/** A size's plain models and those whose graphs also give attention. */
function variants(size: Size): ModelDefinition[] {
  const names = size.english ? [size.id, `${size.id}.en`] : [size.id];
  return names.flatMap((name) => {
    const timestamped = `${name}_timestamped`;
    return [name, timestamped].map((id) =>
      whisper({
        id,
        repo: `onnx-community/${id}`,
        ...(id === size.id && size.revision !== undefined ? { revision: size.revision } : {}),
        published: size.published ?? '2022-09-21',
        license: size.license ?? 'Apache-2.0',
        languages: name.endsWith('.en') ? ['en'] : (size.languages ?? BEFORE_V3),
        estimateBytes: size.estimateBytes,
        settings: settingsOf(size, timestamped),
        ...(size.externalData === undefined ? {} : { externalData: size.externalData }),
      }),
    );
  });
}

function settingsOf({ dtype, maxBatch }: Pick<Size, 'dtype' | 'maxBatch'>, wordTimes: string): WhisperSettings {
  return { dtype, batching: { maxBatch, maxWaitMs: 5 }, longForm: 'windows', wordTimes };
}

/** Only the repository with attention is there in this size. */
const medium = whisper({
  id: 'whisper-medium',
  repo: 'onnx-community/whisper-medium_timestamped',
  published: '2022-09-21',
  license: 'Apache-2.0',
  languages: BEFORE_V3,
  estimateBytes: 3000 * MIB,
  settings: settingsOf({ dtype: MIXED, maxBatch: 1 }, 'whisper-medium'),
});

export default defineModel({
  family: 'whisper',
  task: 'transcription',
  models: [...SIZES.flatMap(variants), medium],
  pipeline: () => import('./pipeline.ts'),
});
