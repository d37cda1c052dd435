/** Whisper (OpenAI) as exported to ONNX by the onnx-community, and any repository of that layout. */
import { LANGUAGE_CODES } from '../../text/languages.ts';
import {
  type DeviceKind,
  type DtypeChoice,
  defineModel,
  type ModelDefinition,
  type RepoFiles,
} from '../define-model.ts';

/** All but `int8` are the repository's own; `int8` is made from its `fp32` graphs at the first load, for CPUs. */
export type Dtype = 'fp32' | 'fp16' | 'q8' | 'q4' | 'int8';

/** Of the two sorts of graphs. Its name is `fp32/q8`, encoder first, or `fp16` where they are equal. */
export interface GraphDtypes {
  encoder: Dtype;
  decoder: Dtype;
}

export interface WhisperSettings {
  /**
   * Windows decoded together, from whatever requests, and how long (milliseconds) a lone one waits for company. Each
   * takes its share of memory for the keys and values of the encoder's output: layers · heads · 768 kB in float32
   * (tiny 18 MB, base 37, small 110, medium 295, turbo 61); a quarter of that with `int8` decoders.
   */
  batching: { maxBatch: number; maxWaitMs: number };
  /** `windows`: cut at pauses, in batches. `sequential`: the reference's way, slower, each window knowing the text before. */
  longForm: 'windows' | 'sequential';
  /** The repository has no decoder but `decoder_model_merged`. */
  merged?: boolean;
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

const SUFFIX: Record<Dtype, string> = { fp32: '', fp16: '_fp16', q8: '_quantized', q4: '_q4', int8: '' };

const DTYPES = Object.keys(SUFFIX) as Dtype[];

/** Names in the repository: the prompt's graph and that of each token after it, or both in one behind a switch. */
export type DecoderFiles = { decoder: string; decoderWithPast: string } | { merged: string };

export function encoderFile({ encoder }: GraphDtypes): string {
  return `onnx/encoder_model${SUFFIX[encoder]}.onnx`;
}

export function decoderFiles({ decoder }: GraphDtypes, { merged }: Pick<WhisperSettings, 'merged'>): DecoderFiles {
  const file = (graph: string) => `onnx/${graph}${SUFFIX[decoder]}.onnx`;
  if (merged === true) return { merged: file('decoder_model_merged') };
  return { decoder: file('decoder_model'), decoderWithPast: file('decoder_with_past_model') };
}

export function weightsOf(dtype: Dtype): 'as-exported' | 'int8' {
  return dtype === 'int8' ? 'int8' : 'as-exported';
}

export function nameOf({ encoder, decoder }: GraphDtypes): string {
  return encoder === decoder ? encoder : `${encoder}/${decoder}`;
}

/** @throws Error for what is no name of precisions. */
export function dtypesOf(name: string | undefined): GraphDtypes {
  const found = COMBINATIONS.find((dtypes) => nameOf(dtypes) === name);
  if (found === undefined) throw new Error(`"${name}" is no dtype of Whisper's`);
  return found;
}

const COMBINATIONS: readonly GraphDtypes[] = DTYPES.flatMap((encoder) =>
  DTYPES.map((decoder) => ({ encoder, decoder })),
);

export const DTYPE_NAMES: readonly string[] = COMBINATIONS.map(nameOf);

function dtypeChoice(listing: WhisperListing): DtypeChoice {
  const { dtypes, settings, externalData = [], precisions = COMBINATIONS } = listing;
  const filesOf = (chosen: GraphDtypes) => {
    const graphs = [encoderFile(chosen), ...Object.values(decoderFiles(chosen, settings))];
    // `encoder_model.onnx_data` belongs to `encoder_model.onnx`.
    return [...graphs, ...externalData.filter((file) => graphs.some((graph) => file.startsWith(graph)))];
  };
  return {
    defaults: { cpu: nameOf(dtypes.cpu), cuda: nameOf(dtypes.cuda) },
    files: Object.fromEntries(precisions.map((chosen) => [nameOf(chosen), filesOf(chosen)])),
  };
}

export interface WhisperListing extends Pick<RepoFiles, 'bundled'> {
  id: string;
  repo: string;
  revision?: string;
  published?: string;
  license: string;
  languages: readonly string[];
  estimateBytes: number;
  settings: WhisperSettings;
  /** Unless the operator says otherwise. */
  dtypes: Record<DeviceKind, GraphDtypes>;
  /** Weights beside the graphs of whatever precision (`onnx/encoder_model.onnx_data`). */
  externalData?: readonly string[];
  /** Where the repository holds no other precisions. */
  precisions?: readonly GraphDtypes[];
  /** Default: Silero's. */
  vad?: RepoFiles;
}

const SILERO: RepoFiles = { repo: 'onnx-community/silero-vad', revision: 'main', files: [VAD_FILE] };

/** A listing → its definition; for repositories of one's own too. */
export function whisper(listing: WhisperListing): ModelDefinition {
  const { id, repo, revision = 'main', bundled, published, license, languages, estimateBytes, settings } = listing;
  return {
    id,
    repo,
    revision,
    ...(bundled && { bundled }),
    ...(published === undefined ? {} : { published }),
    files: [...WHISPER_CONFIGS],
    dtypes: dtypeChoice(listing),
    languages,
    // The English-only models know one language; turbo was not trained to translate.
    translates: languages.length > 1 && !id.includes('turbo'),
    logprobs: true,
    beamSearch: true,
    wordTimes: settings.wordTimes === id,
    license,
    auxiliary: { [VAD_ROLE]: listing.vad ?? SILERO },
    memory: { estimateBytes },
    // They interleave by window: one long file keeps the model busy, the others shall get in between.
    concurrency: 8,
    settings,
  };
}

/** Cantonese came with large-v3. */
export const BEFORE_V3 = LANGUAGE_CODES.filter((code) => code !== 'yue');
const MIB = 2 ** 20;

/**
 * On a CPU the weights have 8 bits and what they are multiplied with keeps 14: our own `int8`, where the float32 files are not
 * too large to download for that. Else the hub's `q8` for the decoder alone (it harms the encoder most), in which a window's
 * logits depend a little on the windows it shares a batch with.
 */
const INT8: GraphDtypes = { encoder: 'int8', decoder: 'int8' };
const Q8: GraphDtypes = { encoder: 'fp32', decoder: 'q8' };
/** What graphics processors are fastest in. On a CPU it saves disk alone: it is computed in float32. */
const FP16: GraphDtypes = { encoder: 'fp16', decoder: 'fp16' };

interface Size {
  /** `whisper-tiny` */
  id: string;
  revision?: string;
  /** There is a variant that knows English alone. */
  english: boolean;
  /** Resident: both decoder graphs, the encoder, and its activations for a window. */
  estimateBytes: number;
  /** On a CPU. */
  dtype: GraphDtypes;
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
    dtype: INT8,
    maxBatch: 4,
  },
  {
    id: 'whisper-base',
    revision: '1846881b6b3a3024392c1eea3ad983695bc23925',
    english: true,
    estimateBytes: 900 * MIB,
    dtype: INT8,
    maxBatch: 2,
  },
  {
    id: 'whisper-small',
    revision: '36050c46d777d46dc4b5f43f6d90574fc38f8732',
    english: true,
    estimateBytes: 1300 * MIB,
    dtype: INT8,
    maxBatch: 2,
  },
  {
    id: 'whisper-large-v3-turbo',
    english: false,
    estimateBytes: 4000 * MIB,
    dtype: Q8,
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
        settings: settingsOf(size.maxBatch, timestamped),
        dtypes: { cpu: size.dtype, cuda: FP16 },
        ...(size.externalData === undefined ? {} : { externalData: size.externalData }),
      }),
    );
  });
}

function settingsOf(maxBatch: number, wordTimes: string): WhisperSettings {
  return { batching: { maxBatch, maxWaitMs: 5 }, longForm: 'windows', wordTimes };
}

/** Only the repository with attention is there in this size. */
const medium = whisper({
  id: 'whisper-medium',
  repo: 'onnx-community/whisper-medium_timestamped',
  published: '2022-09-21',
  license: 'Apache-2.0',
  languages: BEFORE_V3,
  estimateBytes: 3000 * MIB,
  settings: settingsOf(1, 'whisper-medium'),
  dtypes: { cpu: Q8, cuda: FP16 },
});

/** Of English alone, made for this project: it ships with the gateway. */
const starter = whisper({
  id: 'starter-whisper',
  repo: 'starter-models/starter-whisper',
  bundled: true,
  published: '2026-11-22',
  license: 'MIT',
  languages: ['en'],
  estimateBytes: 250 * MIB,
  settings: settingsOf(4, 'starter-whisper'),
  dtypes: { cpu: FP16, cuda: FP16 },
  externalData: ['onnx/decoder_model_fp16.onnx_data'],
  precisions: [FP16],
  vad: { repo: 'starter-models/starter-vad', revision: 'main', files: [VAD_FILE], bundled: true },
});

export default defineModel({
  family: 'whisper',
  task: 'transcription',
  models: [...SIZES.flatMap(variants), medium, starter],
  registrar: () => import('./registrar.ts'),
  pipeline: () => import('./pipeline.ts'),
});
