/** Multipart fields as multer hands them over → a transcription request. */
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../backend/src/errors.ts';
import { parseTranscriptionForm, parseTranslationForm } from '../../backend/src/http/openai/transcription-form.ts';

const parse = (fields: Record<string, unknown>) => parseTranscriptionForm({ model: 'm', ...fields });

function refusalOf(fields: Record<string, unknown>) {
  try {
    parseTranscriptionForm(fields);
  } catch (error) {
    if (error instanceof GatewayError) return { code: error.code, param: error.param, status: error.status };
    throw error;
  }
  throw new Error('the form was taken');
}

describe('a transcription form', () => {
  it('needs a model, and has defaults for the rest', () => {
    expect(parse({})).toEqual({
      model: 'm',
      format: 'json',
      stream: false,
      granularities: new Set(['segment']),
      params: { language: undefined, prompt: undefined, temperature: 0, chunking: undefined, words: false },
    });
  });

  it('takes the null-prototype body multer makes', () => {
    const body = Object.assign(Object.create(null), { model: ' m ', prompt: 'x' });
    expect(parseTranscriptionForm(body)).toMatchObject({ model: 'm', params: { prompt: 'x' } });
  });

  it.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
    ['null', false],
    ['', false],
  ])('stream=%s', (value, stream) => {
    expect(parse({ stream: value }).stream).toBe(stream);
  });

  it.each([
    ['0', 0],
    ['0.5', 0.5],
    ['1', 1],
    ['.25', 0.25],
    ['1.0', 1],
  ])('temperature=%s', (value, temperature) => {
    expect(parse({ temperature: value }).params.temperature).toBe(temperature);
  });

  it.each([
    ['en', 'en'],
    ['EN', 'en'],
    ['eng', 'en'],
    ['en-US', 'en'],
    ['zh-cn', 'zh'],
    ['', undefined],
  ])('language=%s', (value, language) => {
    expect(parse({ language: value }).params.language).toBe(language);
  });

  it.each([
    [['word'], ['word'], true],
    [['word', 'segment'], ['word', 'segment'], true],
    [['segment'], ['segment'], false],
    ['word', ['word'], true],
    ['', ['segment'], false],
    [[], ['segment'], false],
  ])('timestamp_granularities=%j', (value, granularities, words) => {
    const form = parse({ response_format: 'verbose_json', timestamp_granularities: value });
    expect([...form.granularities].sort()).toEqual([...granularities].sort());
    expect(form.params.words).toBe(words);
  });

  const vad = { type: 'server_vad', prefix_padding_ms: 300, silence_duration_ms: 200, threshold: 0.5 };
  it.each([
    ['auto', 'auto'],
    ['null', undefined],
    ['', undefined],
    ['{"type":"server_vad"}', vad],
    [' {"type":"server_vad","threshold":0.25}', { ...vad, threshold: 0.25 }],
    [{ type: 'server_vad' }, vad],
    [
      { type: 'server_vad', prefix_padding_ms: '0', silence_duration_ms: '500', threshold: '1' },
      { type: 'server_vad', prefix_padding_ms: 0, silence_duration_ms: 500, threshold: 1 },
    ],
  ])('chunking_strategy=%j', (value, chunking) => {
    expect(parse({ chunking_strategy: value }).params.chunking).toEqual(chunking);
  });

  it('fills gaps from extra_body, as the official sample sends it', () => {
    const extra_body = { response_format: 'text', prompt: 'extra', known_speaker_names: ['a'] };
    expect(parse({ prompt: 'own', extra_body })).toMatchObject({ format: 'text', params: { prompt: 'own' } });
    expect(parse({ extra_body: 'not an object' }).format).toBe('json');
  });

  it('takes who speaks from the format, or from diarize; without either the fields about speakers are ignored', () => {
    const asked = { num_speakers: '2', known_speaker_names: 'Ann', diarization_model: 'm' };
    const speakers = { model: 'm', params: { numSpeakers: 2 }, names: ['Ann'], references: [] };
    expect(parse({ ...asked, response_format: 'diarized_json' }).speakers).toEqual(speakers);
    expect(parse({ ...asked, diarize: '1' }).speakers).toEqual(speakers);
    expect(parse({ ...asked, num_speakers: 'two' })).toEqual(parse({}));
  });

  it('lets fields pass that it does not know', () => {
    const fields = { vad_filter: 'false', hotwords: 'x', foo: { bar: '1' } };
    expect(parse({ ...fields, known_speaker_references: ['data:audio/wav;base64,AAAA'] })).toEqual(parse({}));
  });

  it.each([
    ['', undefined],
    [[], undefined],
    ['EN-us', ['en']],
    [
      ['en', 'deu', 'EN', ''],
      ['en', 'de'],
    ],
  ])('languages=%j', (value, languages) => {
    expect(parse({ languages: value }).params.languages).toEqual(languages);
  });

  it('language, where it is among languages[], is the one', () => {
    const { language, languages } = parse({ language: 'de', languages: ['en', 'de'] }).params;
    expect({ language, languages }).toEqual({ language: 'de', languages: undefined });
  });

  it.each([
    ['', undefined],
    [[], undefined],
    ['one, two', ['one, two']],
    [
      [' Kubernetes ', 'line\n\tbreak\u0000'],
      ['Kubernetes', 'line break'],
    ],
    ['x'.repeat(100), ['x'.repeat(100)]],
  ])('keywords=%j', (value, keywords) => {
    expect(parse({ keywords: value }).params.keywords).toEqual(keywords);
  });

  it.each([
    ['1', undefined],
    ['2', 2],
    ['10', 10],
  ])('beam_size=%s', (value, beamSize) => {
    expect(parse({ beam_size: value }).params.beamSize).toBe(beamSize);
  });

  it('a translation takes beams, and has no languages or keywords', () => {
    const body = { model: 'm', beam_size: '3', languages: ['de', 'fr'], keywords: 'x', language: 'de' };
    const { params } = parseTranslationForm(body);
    expect(params).toEqual({ ...parse({}).params, task: 'translate', beamSize: 3 });
  });

  it.each([
    ['no model', { model: undefined }, 'missing_required_parameter', 'model'],
    ['an empty model', { model: '' }, 'invalid_value', 'model'],
    ['a blank model', { model: '  ' }, 'invalid_value', 'model'],
    ['two models', { model: ['a', 'b'] }, 'invalid_value', 'model'],
    ['an unknown format', { response_format: 'xml' }, 'invalid_value', 'response_format'],
    ['a format of diarizations', { response_format: 'rttm' }, 'invalid_value', 'response_format'],
    ['speakers without number', { diarize: 'true', num_speakers: 'two' }, 'invalid_value', 'num_speakers'],
    ['a wish for speakers that is no boolean', { diarize: 'yes' }, 'invalid_value', 'diarize'],
    ['two formats', { response_format: ['json', 'text'] }, 'invalid_value', 'response_format'],
    ['a stream that is no boolean', { stream: 'yes' }, 'invalid_value', 'stream'],
    ['a temperature above one', { temperature: '1.5' }, 'invalid_value', 'temperature'],
    ['a negative temperature', { temperature: '-1' }, 'invalid_value', 'temperature'],
    ['a temperature that is no number', { temperature: 'NaN' }, 'invalid_value', 'temperature'],
    ['an empty temperature', { temperature: '' }, 'invalid_value', 'temperature'],
    ['an unknown language', { language: 'klingon' }, 'invalid_value', 'language'],
    ['an unknown language among several', { languages: ['en', 'klingon'] }, 'invalid_value', 'languages'],
    ['a language that is not among those', { language: 'fr', languages: ['en', 'de'] }, 'invalid_value', 'language'],
    ['languages that are no list', { languages: { a: 'en' } }, 'invalid_value', 'languages'],
    ['a blank keyword', { keywords: ['one', ' '] }, 'invalid_value', 'keywords'],
    ['a keyword too long', { keywords: ['x'.repeat(101)] }, 'invalid_value', 'keywords'],
    ['too many keywords', { keywords: Array(101).fill('x') }, 'invalid_value', 'keywords'],
    ['nested keywords', { keywords: [{ a: 'x' }] }, 'invalid_value', 'keywords'],
    ['no beams', { beam_size: '0' }, 'invalid_value', 'beam_size'],
    ['too many beams', { beam_size: '11' }, 'invalid_value', 'beam_size'],
    ['half a beam', { beam_size: '2.5' }, 'invalid_value', 'beam_size'],
    ['empty beams', { beam_size: '' }, 'invalid_value', 'beam_size'],
    ['beams that are drawn', { beam_size: '5', temperature: '0.2' }, 'invalid_value', 'beam_size'],
    ['an unknown granularity', { timestamp_granularities: ['letter'] }, 'invalid_value', 'timestamp_granularities'],
    [
      'word times without verbose_json',
      { timestamp_granularities: ['word'] },
      'invalid_value',
      'timestamp_granularities',
    ],
    ['log-probabilities with subtitles', { include: ['logprobs'], response_format: 'srt' }, 'invalid_value', 'include'],
    ['an unknown inclusion', { include: 'everything' }, 'invalid_value', 'include'],
    ['an unknown strategy', { chunking_strategy: 'semantic' }, 'invalid_value', 'chunking_strategy'],
    ['a strategy without a type', { chunking_strategy: { threshold: '0.5' } }, 'invalid_value', 'chunking_strategy'],
    ['a threshold above one', { chunking_strategy: { ...vad, threshold: '2' } }, 'invalid_value', 'chunking_strategy'],
    ['a strategy of broken JSON', { chunking_strategy: '{"type"' }, 'invalid_value', 'chunking_strategy'],
    ['a strategy sent twice', { chunking_strategy: ['auto', 'auto'] }, 'invalid_value', 'chunking_strategy'],
    ['a nested prompt', { prompt: { text: 'x' } }, 'invalid_value', 'prompt'],
  ])('refuses %s', (_title, fields, code, param) => {
    expect(refusalOf({ model: 'm', ...fields })).toEqual({ code, param, status: 400 });
  });

  it('refuses the first thing wrong in words a caller can act on', () => {
    expect(() => parse({ response_format: 'xml' })).toThrow(/'response_format'/);
    expect(() => parse({ language: 'klingon' })).toThrow(/"klingon" is not a language code/);
  });
});
