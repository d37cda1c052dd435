/** What a Whisper export says about itself: its configuration files and its graphs' inputs and outputs. */
import { LANGUAGE_CODES } from '../../text/languages.ts';
import type { GraphIo } from '../onnx-file.ts';

export interface WhisperTokens {
  /** `<|endoftext|>`; ids below it are text. */
  eot: number;
  /** `<|startoftranscript|>` */
  sot: number;
  sotPrev: number;
  /** `<|nospeech|>`, called `<|nocaptions|>` in older vocabularies. */
  noSpeech: number;
  noTimestamps: number;
  /** `<|0.00|>`; each id after it is 20 ms later. */
  timestampBegin: number;
  translate: number;
  transcribe: number;
  /** Code → id; empty where the model knows English alone. */
  languages: ReadonlyMap<string, number>;
}

export interface WhisperLayout {
  /** Decoder layers, and heads of each attention. */
  layers: number;
  heads: number;
  headDim: number;
  dModel: number;
  vocab: number;
  melBins: number;
  /** Positions of the decoder, prompt included (448). */
  textContext: number;
  /** Element type of keys and values: `float32` or `float16`. */
  kvType: string;
  tokens: WhisperTokens;
  /** Never generated, and not generated as the first token. */
  suppress: readonly number[];
  beginSuppress: readonly number[];
  /** The first timestamp is at most this many steps of 20 ms; undefined: any. */
  maxInitialTimestampIndex: number | undefined;
  /** [layer, head] of the cross attentions that follow the audio in time. */
  alignmentHeads: readonly (readonly [layer: number, head: number])[];
  isMultilingual: boolean;
  /** The decoder graph gives its cross attentions, what word times need. */
  hasCrossAttentions: boolean;
}

/** Parsed JSON, of which nothing is certain. */
type Config = Record<string, unknown>;

/** `<|0.00|>` … `<|30.00|>` */
const TIMESTAMPS = 1501;

/** `decoder` is the prefill graph (`decoder_model.onnx`). @throws Error where a file lacks what cannot be derived. */
export function readLayout(config: Config, generation: Config, decoder: GraphIo): WhisperLayout {
  const keys = decoder.outputs.filter(({ name }) => /^present\.\d+\.decoder\.key$/.test(name));
  const key = keys[0];
  if (key === undefined) throw new Error('The decoder graph gives no keys and values (present.N.decoder.key)');
  const dModel = numberOf(config.d_model, 'config.json: d_model');
  const heads = fixed(key.shape[1]) ?? numberOf(config.decoder_attention_heads, 'config.json: decoder_attention_heads');
  const logits = decoder.outputs.find(({ name }) => name === 'logits');
  const vocab = fixed(logits?.shape[2]) ?? numberOf(config.vocab_size, 'config.json: vocab_size');
  const isMultilingual =
    generation.is_multilingual === undefined ? vocab >= 51865 : generation.is_multilingual === true;
  const layers = keys.length;
  return {
    layers,
    heads,
    headDim: fixed(key.shape[3]) ?? dModel / heads,
    dModel,
    vocab,
    melBins: numberOf(config.num_mel_bins ?? 80, 'config.json: num_mel_bins'),
    textContext: numberOf(config.max_target_positions ?? 448, 'config.json: max_target_positions'),
    kvType: key.type,
    tokens: readTokens(config, generation, vocab, isMultilingual),
    suppress: idsOf(generation.suppress_tokens ?? config.suppress_tokens),
    beginSuppress: idsOf(generation.begin_suppress_tokens ?? config.begin_suppress_tokens),
    maxInitialTimestampIndex: initialLimit(generation.max_initial_timestamp_index),
    alignmentHeads: readAlignmentHeads(generation.alignment_heads, layers, heads),
    isMultilingual,
    hasCrossAttentions: decoder.outputs.some(({ name }) => name.startsWith('cross_attentions.')),
  };
}

/** The special tokens stand in one order in every vocabulary (openai/whisper, tokenizer.py), `<|notimestamps|>` last. */
function readTokens(config: Config, generation: Config, vocab: number, isMultilingual: boolean): WhisperTokens {
  const noTimestamps = numberOf(
    generation.no_timestamps_token_id ?? vocab - TIMESTAMPS - 1,
    'generation_config.json: no_timestamps_token_id',
  );
  const sot = numberOf(generation.decoder_start_token_id ?? config.decoder_start_token_id, 'decoder_start_token_id');
  const translate = noTimestamps - 5;
  return {
    eot: numberOf(generation.eos_token_id ?? config.eos_token_id, 'eos_token_id'),
    sot,
    sotPrev: noTimestamps - 2,
    noSpeech: noTimestamps - 1,
    noTimestamps,
    timestampBegin: noTimestamps + 1,
    translate,
    transcribe: noTimestamps - 4,
    languages: isMultilingual ? readLanguages(generation.lang_to_id, sot, translate) : new Map(),
  };
}

function readLanguages(listed: unknown, sot: number, translate: number): Map<string, number> {
  if (typeof listed === 'object' && listed !== null) {
    return new Map(
      Object.entries(listed).map(([token, id]) => [token.slice(2, -2), numberOf(id, `lang_to_id: ${token}`)]),
    );
  }
  return new Map(LANGUAGE_CODES.slice(0, translate - sot - 1).map((code, index) => [code, sot + 1 + index]));
}

/** Without a list, all heads of the later half of the layers (openai/whisper, model.py). */
function readAlignmentHeads(listed: unknown, layers: number, heads: number): [number, number][] {
  if (Array.isArray(listed)) {
    return listed.map((pair) => [numberOf(pair[0], 'alignment_heads'), numberOf(pair[1], 'alignment_heads')]);
  }
  const first = Math.floor(layers / 2);
  return Array.from({ length: (layers - first) * heads }, (_, i) => [first + Math.floor(i / heads), i % heads]);
}

/** openai/whisper's default is 1 s; `null` says no limit. */
function initialLimit(value: unknown): number | undefined {
  return value === null ? undefined : numberOf(value ?? 50, 'generation_config.json: max_initial_timestamp_index');
}

function idsOf(value: unknown): number[] {
  return Array.isArray(value) ? value.map((id) => numberOf(id, 'suppress_tokens')).filter((id) => id >= 0) : [];
}

function numberOf(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error(`${name} is no number`);
  return value;
}

/** Symbolic dimensions are strings, or −1 in some bindings. */
function fixed(dimension: number | string | undefined): number | undefined {
  return typeof dimension === 'number' && dimension > 0 ? dimension : undefined;
}
