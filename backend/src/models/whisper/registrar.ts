/** Repositories of the onnx-community's layout that an operator adds. */
import { z } from 'zod';
import { LANGUAGE_CODES } from '../../text/languages.ts';
import type { Registrar, Registration } from '../define-model.ts';
import { commonSettings, estimateBytes, readSettings, requireFiles } from '../registration.ts';
import { BEFORE_V3, DTYPE_NAMES, decoderFiles, dtypesOf, encoderFile, WHISPER_CONFIGS, whisper } from './definition.ts';

const dtype = z.enum(DTYPE_NAMES);

const given = z.strictObject({
  ...commonSettings,
  languages: z.array(z.enum(LANGUAGE_CODES)).min(1).optional(),
  translates: z.boolean().optional(),
  dtypes: z.strictObject({ cpu: dtype.optional(), cuda: dtype.optional() }).optional(),
  merged: z.boolean().optional(),
  external_data: z.array(z.string()).max(100).optional(),
  max_batch: z.int().min(1).max(64).default(2),
  long_form: z.enum(['windows', 'sequential']).default('windows'),
  word_times: z.string().optional(),
});

const completed = given.required({ languages: true, translates: true, merged: true, external_data: true }).extend({
  dtypes: z.strictObject({ cpu: dtype, cuda: dtype }),
  estimate_bytes: z.int(),
});

/** From here on the hub's 8-bit decoder is taken on a CPU rather than one made of the float32 files: see definition.ts. */
const LARGE_DECODER_BYTES = 1.5 * 2 ** 30;
const ON_CUDA = ['fp16', 'fp32', 'q8', 'q4'];

export const complete: Registrar['complete'] = (registration, listed) => {
  const settings = readSettings(registration, given);
  const { id, repo } = registration;
  const files = new Map(listed.map(({ path, size }) => [path, size]));
  const paths = [...files.keys()];
  const has = (graph: RegExp) => paths.some((path) => graph.test(path));
  const merged =
    settings.merged ??
    (!has(/^onnx\/decoder_with_past_model\w*\.onnx$/) && has(/^onnx\/decoder_model_merged\w*\.onnx$/));
  const languages = settings.languages ?? languagesOf(repo);
  const graphs = (name: string) => graphFiles(name, merged);
  // The first one is named as missing where the repository holds none.
  const firstHeld = ([first = '', ...others]: readonly string[]) =>
    [first, ...others].find((name) => graphs(name).every((path) => files.has(path))) ?? first;
  const dtypes = {
    cpu: settings.dtypes?.cpu ?? firstHeld(onCpu(files, merged)),
    cuda: settings.dtypes?.cuda ?? firstHeld(ON_CUDA),
  };
  requireFiles(registration, files, [...WHISPER_CONFIGS, ...graphs(dtypes.cpu), ...graphs(dtypes.cuda)]);
  const data = settings.external_data ?? paths.filter((path) => /^onnx\/[\w.-]+\.onnx_data(_\d+)?$/.test(path));
  requireFiles(registration, files, data);
  const opened = graphs(dtypes.cpu);
  const weights = data.filter((path) => opened.some((graph) => path.startsWith(graph)));
  return {
    ...settings,
    languages,
    translates: settings.translates ?? (languages.length > 1 && !repo.includes('turbo')),
    merged,
    external_data: data,
    dtypes,
    estimate_bytes: settings.estimate_bytes ?? estimateBytes(files, [...opened, ...weights]),
    ...(settings.word_times === undefined && repo.endsWith('_timestamped') ? { word_times: id } : {}),
  };
};

export const define: Registrar['define'] = (registration) => {
  const { id, repo, revision } = registration;
  const settings = readSettings(registration, completed);
  const definition = whisper({
    id,
    repo,
    revision,
    license: settings.license,
    languages: settings.languages,
    estimateBytes: settings.estimate_bytes,
    settings: {
      batching: { maxBatch: settings.max_batch, maxWaitMs: 5 },
      longForm: settings.long_form,
      merged: settings.merged,
      ...(settings.word_times === undefined ? {} : { wordTimes: settings.word_times }),
    },
    dtypes: { cpu: dtypesOf(settings.dtypes.cpu), cuda: dtypesOf(settings.dtypes.cuda) },
    externalData: settings.external_data,
  });
  return { ...definition, translates: settings.translates };
};

function graphFiles(name: string, merged: boolean): string[] {
  const dtypes = dtypesOf(name);
  return [encoderFile(dtypes), ...Object.values(decoderFiles(dtypes, { merged }))];
}

/** The catalog's choices first. A merged decoder is taken as it is. */
function onCpu(files: ReadonlyMap<string, number>, merged: boolean): string[] {
  const others = ['fp32/q8', 'fp32', 'q8', 'fp16', 'q4'];
  if (merged) return others;
  const decoder = graphFiles('fp32', merged).slice(1);
  const bytes = decoder.reduce((sum, path) => sum + (files.get(path) ?? 0), 0);
  return bytes > LARGE_DECODER_BYTES ? ['fp32/q8', 'int8', ...others] : ['int8', ...others];
}

function languagesOf(repo: Registration['repo']): readonly string[] {
  if (/\.en(_|$)/.test(repo)) return ['en'];
  return /large-v3/.test(repo) ? LANGUAGE_CODES : BEFORE_V3;
}
