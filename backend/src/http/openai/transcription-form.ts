/** The multipart fields of a transcription request, as clients really send them → a checked request. */
import { z } from 'zod';
import { type SeparationOutput, separationOutput } from '../../contract/separation.ts';
import {
  chunkingStrategy,
  MAX_BEAM_SIZE,
  MAX_KEYWORD_LENGTH,
  MAX_KEYWORDS,
  TIMESTAMP_GRANULARITIES,
  TRANSCRIPTION_FORMATS,
  type TranscriptionParams,
} from '../../contract/transcription.ts';
import { GatewayError } from '../../errors.ts';
import { parseLanguage } from '../../text/languages.ts';
import { firstIssue, flatFields, requireModelField } from './form-fields.ts';
import { SPEAKER_LISTS, type SpeakerForm, speakerFields, toSpeakerForm } from './speaker-form.ts';

export interface TranscriptionForm {
  model: string;
  format: (typeof TRANSCRIPTION_FORMATS)[number];
  stream: boolean;
  granularities: ReadonlySet<(typeof TIMESTAMP_GRANULARITIES)[number]>;
  /** But for `diarize` and `separate`: see below. */
  params: TranscriptionParams;
  /** The vocals alone are to be heard; the model that takes them out, if it was named. */
  vocals?: { model: string | undefined; karaoke: SeparationOutput | undefined };
  /** Who speaks is wanted too; `model` as it was named, if it was. */
  speakers?: SpeakerForm & { model: string | undefined };
}

const UNSET = undefined;

const flag = z.enum(['true', 'false', '1', '0', 'null', '']).transform((value) => value === 'true' || value === '1');

/** A code of the table, from what callers write; undefined for an empty string. */
const language = z.string().transform((value, context) => {
  if (value === '') return UNSET;
  const code = parseLanguage(value);
  if (code === undefined) context.addIssue({ code: 'custom', message: `"${value}" is not a language code` });
  return code;
});

/** Space and control characters, line breaks among them, are one space: a keyword is put into a line of text. */
const keyword = z
  .string()
  .transform((value) => value.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim())
  .pipe(
    z
      .string()
      .min(1, 'a keyword must not be empty')
      .max(MAX_KEYWORD_LENGTH, `a keyword has at most ${MAX_KEYWORD_LENGTH} characters`),
  );

const fields = z.object({
  model: z.string().trim().min(1, 'must not be empty'),
  response_format: z.enum(TRANSCRIPTION_FORMATS).default('json'),
  stream: flag.default(false),
  diarize: flag.default(false),
  separate_vocals: flag.default(false),
  output_format: separationOutput.default('wav'),
  separation_model: z.string().trim().min(1, 'must not be empty').optional(),
  diarization_model: z.string().trim().min(1, 'must not be empty').optional(),
  temperature: z
    .string()
    .regex(/^(\d+(\.\d*)?|\.\d+)$/, 'must be a number from 0 to 1')
    .transform(Number)
    .pipe(z.number().min(0).max(1))
    .default(0),
  language: language.optional(),
  prompt: z.string().optional(),
  timestamp_granularities: z.array(z.enum(TIMESTAMP_GRANULARITIES)).default([]),
  include: z.array(z.enum(['logprobs'])).default([]),
  languages: z
    .array(language)
    .transform((codes) => [...new Set(codes.filter((code) => code !== UNSET))])
    .default([]),
  keywords: z.array(keyword).max(MAX_KEYWORDS, `at most ${MAX_KEYWORDS} keywords are taken`).default([]),
  beam_size: z
    .string()
    .regex(/^\d{1,3}$/, `must be a whole number from 1 to ${MAX_BEAM_SIZE}`)
    .transform(Number)
    .pipe(z.int().min(1).max(MAX_BEAM_SIZE))
    .default(1),
  chunking_strategy: z
    .preprocess(
      (value) => (value === 'null' || value === '' ? UNSET : parseJsonObject(value)),
      chunkingStrategy.optional(),
    )
    .optional(),
});

const LISTS = ['timestamp_granularities', 'include', 'languages', 'keywords', ...SPEAKER_LISTS];
/** Ignored, whatever they are, where nobody asks who speaks. */
const SPEAKER_FIELDS = Object.keys(speakerFields);

/** @throws missing_required_parameter, invalid_value or unsupported_value, naming the parameter. Unknown fields pass. */
export function parseTranscriptionForm(body: Readonly<Record<string, unknown>>): TranscriptionForm {
  const flat = flatFields(body, LISTS);
  requireModelField(flat);
  const parsed = fields.safeParse(flat);
  if (!parsed.success) throw firstIssue(parsed.error);
  const form = parsed.data;

  if (form.timestamp_granularities.length > 0 && form.response_format !== 'verbose_json') {
    throw new GatewayError('invalid_value', {
      message: '`response_format` must be `verbose_json` if `timestamp_granularities[]` is provided.',
      param: 'timestamp_granularities',
    });
  }
  if (form.include.length > 0 && form.response_format !== 'json') {
    throw new GatewayError('invalid_value', {
      message: '`response_format` must be `json` if `include[]` is provided.',
      param: 'include',
    });
  }
  if (form.language !== undefined && form.languages.length > 0 && !form.languages.includes(form.language)) {
    throw new GatewayError('invalid_value', {
      message: `\`language\` is '${form.language}', which is not among \`languages[]\`; send one of the two.`,
      param: 'language',
    });
  }
  if (form.beam_size > 1 && form.temperature > 0) {
    throw new GatewayError('invalid_value', {
      message: 'Beams are searched at `temperature` 0 only; above, tokens are drawn. Leave one of the two out.',
      param: 'beam_size',
    });
  }
  const isKaraoke = form.response_format === 'karaoke';
  if (isKaraoke && (form.stream || !form.separate_vocals)) {
    throw new GatewayError('invalid_value', {
      message: '`karaoke` is a file of files: it takes `separate_vocals=true`, and is not streamed.',
      param: form.stream ? 'stream' : 'response_format',
    });
  }
  const granularities = new Set(form.timestamp_granularities);
  const diarize = form.diarize || form.response_format === 'diarized_json';
  return {
    ...(diarize ? { speakers: parseSpeakers(flat, form.diarization_model) } : {}),
    ...(form.separate_vocals
      ? { vocals: { model: form.separation_model, karaoke: isKaraoke ? form.output_format : undefined } }
      : {}),
    model: form.model,
    format: form.response_format,
    stream: form.stream,
    granularities: granularities.size === 0 ? new Set(['segment'] as const) : granularities,
    params: {
      language: form.language,
      prompt: form.prompt,
      temperature: form.temperature,
      chunking: form.chunking_strategy,
      words: isKaraoke || granularities.has('word'),
      ...(form.language === undefined && form.languages.length > 0 ? { languages: form.languages } : {}),
      ...(form.keywords.length > 0 ? { keywords: form.keywords } : {}),
      ...(form.beam_size > 1 ? { beamSize: form.beam_size } : {}),
      ...(form.include.length > 0 ? { logprobs: true } : {}),
    },
  };
}

/** A transcription with who says what, of the vocals alone; each may be turned off. Who sings is not part of a karaoke bundle. */
export function parsePipelineForm(body: Readonly<Record<string, unknown>>): TranscriptionForm {
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined && value !== ''));
  return parseTranscriptionForm({
    response_format: 'verbose_json',
    separate_vocals: 'true',
    diarize: String(given.response_format !== 'karaoke'),
    ...given,
  });
}

/** The fields of a translation: those of a transcription that OpenAI has there, and ours; others pass and are ignored. */
export function parseTranslationForm(body: Readonly<Record<string, unknown>>): TranscriptionForm {
  const { model, prompt, response_format, temperature, beam_size } = body;
  const known = Object.entries({ model, prompt, response_format, temperature, beam_size }).filter(
    ([, value]) => value !== undefined,
  );
  if (response_format === 'diarized_json' || response_format === 'karaoke') {
    const message = "Invalid value for 'response_format': translations have json, text, srt, verbose_json and vtt.";
    throw new GatewayError('invalid_value', { message, param: 'response_format' });
  }
  const form = parseTranscriptionForm(Object.fromEntries(known));
  return { ...form, params: { ...form.params, task: 'translate' } };
}

const speakers = z.object(speakerFields);

function parseSpeakers(flat: Readonly<Record<string, unknown>>, model: string | undefined) {
  const parsed = speakers.safeParse(Object.fromEntries(SPEAKER_FIELDS.map((name) => [name, flat[name]])));
  if (!parsed.success) throw firstIssue(parsed.error);
  return { ...toSpeakerForm(parsed.data), model };
}

/** `{"type":"server_vad"}` as a string is an object; anything else is left for the schema to judge. */
function parseJsonObject(value: unknown): unknown {
  if (typeof value !== 'string' || !value.trimStart().startsWith('{')) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
