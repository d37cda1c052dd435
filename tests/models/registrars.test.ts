/** What families make of repositories that an operator adds. */
import { describe, expect, it } from 'vitest';
import type { Registrar } from '../../backend/src/models/define-model.ts';
import * as mdx from '../../backend/src/models/mdx/registrar.ts';
import * as pyannote from '../../backend/src/models/pyannote/registrar.ts';
import * as transducer from '../../backend/src/models/transducer/registrar.ts';
import { WHISPER_CONFIGS } from '../../backend/src/models/whisper/definition.ts';
import * as whisper from '../../backend/src/models/whisper/registrar.ts';
import { chooseDtype } from '../../backend/src/registry/choose-dtype.ts';

const MIB = 2 ** 20;

/** The definition of a repository with these files, by way of the JSON that is kept of it. */
function define(
  registrar: Registrar,
  files: Record<string, number>,
  { repo = 'acme/own', settings = {} }: { repo?: string; settings?: Record<string, unknown> } = {},
) {
  const registration = { id: 'own', repo, revision: 'main', settings };
  const listed = Object.entries(files).map(([path, size]) => ({ path, size }));
  const completed = registrar.complete(registration, listed);
  return registrar.define({ ...registration, settings: JSON.parse(JSON.stringify(completed)) });
}

function whisperFiles(graphs: readonly string[], size = MIB): Record<string, number> {
  const names = [...WHISPER_CONFIGS, ...graphs.map((name) => `onnx/${name}`), 'README.md'];
  return Object.fromEntries(names.map((name) => [name, size]));
}

const suffixed = (suffix: string) =>
  ['encoder_model', 'decoder_model', 'decoder_with_past_model'].map((name) => `${name}${suffix}.onnx`);

describe('a whisper repository', () => {
  const graphs = (model: ReturnType<typeof define>, device: string) =>
    chooseDtype(model, device, undefined).definition.files.filter((file) => file.startsWith('onnx/'));

  it('gets the precisions that it has, as the catalog would choose', () => {
    const both = define(whisper, whisperFiles([...suffixed(''), ...suffixed('_fp16'), ...suffixed('_quantized')]));
    expect(both.dtypes?.defaults).toEqual({ cpu: 'int8', cuda: 'fp16' });
    const large = define(whisper, whisperFiles([...suffixed(''), ...suffixed('_quantized')], 1024 * MIB));
    expect(large.dtypes?.defaults).toEqual({ cpu: 'fp32/q8', cuda: 'fp32' });
    expect(define(whisper, whisperFiles(suffixed('_quantized'))).dtypes?.defaults).toEqual({ cpu: 'q8', cuda: 'q8' });
    expect(both.memory.estimateBytes).toBe((256 + 3) * MIB);
  });

  it('with the merged decoder alone is run with it, and weights beside a graph come with it', () => {
    const files = whisperFiles(['encoder_model.onnx', 'encoder_model.onnx_data', 'decoder_model_merged.onnx']);
    const model = define(whisper, files);
    expect(model.settings).toMatchObject({ merged: true });
    const names = ['encoder_model.onnx', 'decoder_model_merged.onnx', 'encoder_model.onnx_data'];
    expect(graphs(model, 'cpu')).toEqual(names.map((name) => `onnx/${name}`));
  });

  it('knows its languages by its name, unless it is told', () => {
    const files = whisperFiles(suffixed(''));
    const of = (repo: string, settings = {}) => define(whisper, files, { repo, settings });
    expect(of('acme/whisper-tiny')).toMatchObject({ translates: true });
    expect(of('acme/whisper-tiny').languages).toHaveLength(99);
    expect(of('acme/whisper-large-v3').languages).toContain('yue');
    expect(of('acme/whisper-large-v3-turbo').translates).toBe(false);
    expect(of('acme/whisper-tiny.en')).toMatchObject({ languages: ['en'], translates: false });
    expect(of('acme/whisper-tiny.en_timestamped').settings).toMatchObject({ wordTimes: 'own' });
    expect(of('acme/x', { languages: ['de', 'en'], translates: false })).toMatchObject({
      languages: ['de', 'en'],
      translates: false,
    });
  });

  it('takes what the operator sets', () => {
    const settings = {
      dtypes: { cpu: 'fp32' },
      max_batch: 7,
      long_form: 'sequential',
      license: 'MIT',
      estimate_bytes: 5,
    };
    const model = define(whisper, whisperFiles(suffixed('')), { settings });
    expect(model).toMatchObject({
      license: 'MIT',
      memory: { estimateBytes: 5 },
      dtypes: { defaults: { cpu: 'fp32', cuda: 'fp32' } },
      settings: { batching: { maxBatch: 7 }, longForm: 'sequential' },
    });
  });

  it.each([
    ['a precision it lacks', { dtypes: { cuda: 'fp16' } }, 'repo', /onnx\/encoder_model_fp16\.onnx/],
    ['a precision that is none', { dtypes: { cpu: 'int4' } }, 'settings.dtypes.cpu', /fp32\/int8/],
    ['weights it lacks', { external_data: ['onnx/x.onnx_data'] }, 'repo', /onnx\/x\.onnx_data/],
    ['a language nobody speaks', { languages: ['xx'] }, 'settings.languages.0', /./],
    ['a setting that is none', { batch: 1 }, 'settings.batch', /./],
  ])('is refused with %s', (_title, settings, param, message) => {
    const attempt = () => define(whisper, whisperFiles(suffixed('')), { settings });
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'invalid_value', param, message: expect.stringMatching(message) }),
    );
  });
});

describe('a transducer repository', () => {
  const files = Object.fromEntries(
    [
      'encoder-1.onnx',
      'encoder-1.int8.onnx',
      'decoder-1.onnx',
      'decoder-1.int8.onnx',
      'joiner-1.int8.onnx',
      'tokens.txt',
    ].map((name) => [name, MIB]),
  );
  const german = { language: 'de' };

  it('gets the graphs that the catalog would choose', () => {
    expect(define(transducer, files, { settings: german })).toMatchObject({
      languages: ['de'],
      license: 'unknown',
      files: ['encoder-1.int8.onnx', 'decoder-1.onnx', 'joiner-1.int8.onnx', 'tokens.txt'],
      settings: { encoder: 'encoder-1.int8.onnx', language: 'de' },
      memory: { estimateBytes: 260 * MIB },
    });
    const settings = { ...german, encoder: 'encoder-1.onnx', encoder_threads: 2 };
    expect(define(transducer, files, { settings }).settings).toMatchObject({
      encoder: 'encoder-1.onnx',
      encoderThreads: 2,
    });
  });

  it.each([
    ['no language', {}, files, 'settings.language', /./],
    [
      'several encoders',
      german,
      { ...files, 'encoder-2.int8.onnx': 1 },
      'settings.encoder',
      /encoder-1\.int8\.onnx, encoder-2/,
    ],
    ['no joiner', german, { 'encoder-1.onnx': 1, 'decoder-1.onnx': 1 }, 'repo', /joiner\*\.onnx, tokens\.txt/],
  ])('is refused with %s', (_title, settings, held, param, message) => {
    const attempt = () => define(transducer, held, { settings });
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'invalid_value', param, message: expect.stringMatching(message) }),
    );
  });
});

describe('an mdx repository', () => {
  const KIM = 'models/Kim_Vocal_2.onnx';

  it('knows what a graph does not tell by the file’s name', () => {
    const model = define(mdx, { [KIM]: 60 * MIB, 'other.onnx': MIB, 'README.md': 1 });
    expect(model).toMatchObject({ files: [KIM], stems: ['vocals', 'instrumental'], license: 'unknown' });
    expect(model.settings).toEqual({ file: KIM, fft: 7680, compensate: 1.009, stems: ['vocals', 'instrumental'] });
    expect(model.memory.estimateBytes).toBe((256 + 60) * MIB);
  });

  it('takes an unknown one whose transform is told', () => {
    const settings = { n_fft: 6144, stems: ['instrumental', 'vocals'] };
    const model = define(mdx, { 'own.onnx': MIB }, { settings });
    expect(model.settings).toEqual({ file: 'own.onnx', fft: 6144, compensate: 1, stems: ['instrumental', 'vocals'] });
    const told = define(mdx, { [KIM]: MIB }, { settings: { compensate: 1.1, license: 'MIT' } });
    expect(told).toMatchObject({ license: 'MIT', settings: { fft: 7680, compensate: 1.1 } });
  });

  it.each<[string, Record<string, number>, Record<string, unknown>, string, RegExp]>([
    [
      'an unknown graph',
      { 'own.onnx': 1 },
      {},
      'settings.n_fft',
      /needed for own\.onnx, which is none of .*Kim_Vocal_2/,
    ],
    ['unknown stems', { 'own.onnx': 1 }, { n_fft: 6144 }, 'settings.stems', /needed for own\.onnx/],
    ['one stem twice', { 'own.onnx': 1 }, { n_fft: 6144, stems: ['vocals', 'vocals'] }, 'settings.stems', /are one/],
    ['an odd transform', { 'own.onnx': 1 }, { n_fft: 6145 }, 'settings.n_fft', /settings\.n_fft/],
    ['several graphs', { 'a.onnx': 1, 'b.onnx': 1 }, {}, 'settings.graph', /say which: a\.onnx, b\.onnx/],
    ['no graph', { 'README.md': 1 }, {}, 'repo', /does not hold model\.onnx/],
    ['a misspelled setting', { [KIM]: 1 }, { fft: 6144 }, 'settings.fft', /settings\.fft/],
  ])('refuses %s, naming the setting', (_, files, settings, param, message) => {
    const refused = expect(() => define(mdx, files, { settings }));
    refused.toThrow(expect.objectContaining({ code: 'invalid_value', param, message: expect.stringMatching(message) }));
  });
});

describe('a pyannote repository', () => {
  const files = { 'onnx/model.onnx': 4 * MIB, 'segmentation.onnx': 2 * MIB };

  it('is heard with the segmentation of pyannote, unless it names its own', () => {
    const plain = define(pyannote, files);
    expect(plain.files).toEqual(['onnx/model.onnx']);
    expect(plain.auxiliary).toHaveProperty('segmentation');
    const own = define(pyannote, files, { settings: { segmentation: 'segmentation.onnx', threshold: 0.9 } });
    expect(own.files).toEqual(['onnx/model.onnx', 'segmentation.onnx']);
    expect(own.auxiliary).toBeUndefined();
    expect(own.memory.estimateBytes).toBe((256 + 4 + 2) * MIB);
    expect(own.settings).toMatchObject({
      segmentation: 'segmentation.onnx',
      clustering: { method: 'centroid', threshold: 0.9 },
    });
  });

  it('is refused when the segmentation that it names is not there', () => {
    expect(() => define(pyannote, files, { settings: { segmentation: 'other.onnx' } })).toThrow(
      expect.objectContaining({ extra: { missing_files: ['other.onnx'] } }),
    );
  });
});
