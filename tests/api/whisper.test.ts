/** Whisper over HTTP: tiny reference models through the whole path, hub included. What they write is no language. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FakeHub, startFakeHub } from '../support/fake-hub.ts';
import { whisperFixture } from '../support/seeded-weights.ts';
import { describeWithShared, shared } from '../support/shared.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { type Api, errorOf, json, startApi } from './start-api.ts';

const TIMESTAMPED = 'whisper-tiny_timestamped';
const ENGLISH = 'whisper-tiny.en';
const VAD = 'onnx/model.onnx';

describeWithShared('whisper', () => {
  let hub: FakeHub;
  let api: Api;
  let speech: File;
  beforeAll(async () => {
    hub = await startFakeHub({
      repos: {
        [`onnx-community/${TIMESTAMPED}`]: await whisperFixture('timestamped'),
        [`onnx-community/${ENGLISH}`]: await whisperFixture('en'),
        'onnx-community/silero-vad': { [VAD]: await readFile(shared('hub/onnx-community/silero-vad', VAD)) },
      },
    });
    api = await startApi({ env: { HF_ENDPOINT: hub.url } });
    speech = new File([await readFile(shared('audio/speech/jfk.wav'))], 'jfk.wav');
  });
  afterAll(async () => {
    await api.close();
    await hub.close();
  });

  interface Verbose {
    text: string;
    language: string;
    segments?: { text: string; start: number; end: number; temperature: number; language?: string }[];
    words?: { word: string; start: number; end: number }[];
  }

  it('verbose_json with words: segments and words lie in the audio, in order', async () => {
    const response = await api.transcribe({
      file: speech,
      model: TIMESTAMPED,
      language: 'en',
      response_format: 'verbose_json',
      'timestamp_granularities[]': ['word', 'segment'],
    });
    expect(response.status).toBe(200);
    const { text, language, segments = [], words = [] } = await json<Verbose>(response);
    expect(text).not.toBe('');
    expect(language).toBe('english');
    for (const list of [segments, words]) {
      expect(list.length).toBeGreaterThan(0);
      const times = list.flatMap(({ start, end }) => [start, end]);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(Math.min(...times)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...times)).toBeLessThanOrEqual(11);
    }
    expect(
      segments
        .map((segment) => segment.text)
        .join('')
        .trim(),
    ).toBe(text);
  });

  it('stream: the deltas are the text of the plain answer', async () => {
    const plain = await json<{ text: string }>(
      await api.transcribe({ file: speech, model: TIMESTAMPED, language: 'en' }),
    );
    const stream = await api.transcribe({ file: speech, model: TIMESTAMPED, language: 'en', stream: 'true' });
    const events = (await stream.text())
      .split('\n\n')
      .filter((frame) => frame.startsWith('data: '))
      .map((frame): { type: string; delta?: string; text?: string } => JSON.parse(frame.slice('data: '.length)));
    expect(events.map(({ delta }) => delta ?? '').join('')).toBe(plain.text);
    expect(events.at(-1)).toEqual({ type: 'transcript.text.done', text: plain.text });
  });

  const translate = (values: Record<string, string | File>) => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ file: speech, ...values })) form.set(name, value);
    return api.fetch('/v1/audio/translations', { method: 'POST', body: form });
  };

  it('F1 translations as json, verbose_json and text; another text than the transcript', async () => {
    const transcript = await json<{ text: string }>(
      await api.transcribe({ file: speech, model: TIMESTAMPED, temperature: '0' }),
    );
    const plain = await json<{ text: string }>(await translate({ model: TIMESTAMPED }));
    expect(Object.keys(plain)).toEqual(['text']);
    expect(plain.text).not.toBe(transcript.text);
    const verbose = await json<Verbose>(await translate({ model: TIMESTAMPED, response_format: 'verbose_json' }));
    expect(verbose).toMatchObject({ task: 'translate', language: 'english', text: plain.text });
    const text = await translate({ model: TIMESTAMPED, response_format: 'text' });
    expect(await text.text()).toBe(`${plain.text}\n`);
  });

  it('F1 translations through the openai client', async () => {
    const { text } = await api.openai.audio.translations.create({ file: speech, model: TIMESTAMPED });
    expect(text).not.toBe('');
  });

  it.each([ENGLISH, 'zipformer-gigaspeech-3.3m'])(
    '%s cannot translate, and the answer names one that can',
    async (model) => {
      const response = await translate({ model });
      const message = response.clone();
      expect(await errorOf(response)).toMatchObject({ status: 400, code: 'unsupported_value', param: 'model' });
      expect(await message.text()).toContain('whisper-base');
    },
  );

  it('A12 include[]=logprobs: one for each token of the text, also at the end of a stream', async () => {
    const values = { file: speech, model: TIMESTAMPED, language: 'en', 'include[]': 'logprobs' };
    const { text, logprobs } = await json<{ text: string; logprobs: { bytes: number[]; logprob: number }[] }>(
      await api.transcribe(values),
    );
    const spelt = Buffer.from(logprobs.flatMap(({ bytes }) => bytes)).toString();
    expect(spelt.trim()).toBe(text);
    expect(logprobs.every(({ logprob }) => logprob <= 0)).toBe(true);
    const stream = await (await api.transcribe({ ...values, stream: 'true' })).text();
    const done = JSON.parse(stream.trim().split('data: ').at(-1) ?? '');
    expect(done).toMatchObject({ type: 'transcript.text.done', text, logprobs });
  });

  it('A12 a model without log-probabilities, or another format than json: 400', async () => {
    for (const values of [
      { model: 'zipformer-gigaspeech-3.3m', 'include[]': 'logprobs' },
      { model: TIMESTAMPED, 'include[]': 'logprobs', response_format: 'verbose_json' },
    ]) {
      expect(await errorOf(await api.transcribe(values))).toMatchObject({ status: 400, param: 'include' });
    }
  });

  it('word times from a model without attention: 400 that names the one that has it', async () => {
    const response = await api.transcribe({
      file: speech,
      model: ENGLISH,
      response_format: 'verbose_json',
      'timestamp_granularities[]': ['word'],
    });
    const message = response.clone();
    expect(await errorOf(response)).toMatchObject({ status: 400, param: 'timestamp_granularities' });
    expect(await message.text()).toContain(`${ENGLISH}_timestamped`);
  });

  const verbose = async (values: Record<string, string | string[]>) =>
    json<Verbose>(
      await api.transcribe({ file: speech, model: TIMESTAMPED, response_format: 'verbose_json', ...values }),
    );

  it('a repository that an operator added writes the same', async () => {
    const own = {
      id: 'own/whisper',
      repo: `onnx-community/${TIMESTAMPED}`,
      family: 'whisper',
      settings: { license: 'MIT' },
    };
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    const registered = await api.fetch('/api/admin/models', { method: 'POST', headers, body: JSON.stringify(own) });
    expect(registered.status).toBe(201);
    const ask = async (model: string) => {
      const values = { file: speech, model, language: 'en', response_format: 'verbose_json' };
      const response = await api.transcribe({ ...values, 'timestamp_granularities[]': 'word' });
      expect(response.status).toBe(200);
      return json<Verbose>(response);
    };
    expect(await ask(own.id)).toEqual(await ask(TIMESTAMPED));
  });

  it('languages[] with one entry is language', async () => {
    const french = await verbose({ language: 'fr' });
    expect(await verbose({ 'languages[]': 'fr' })).toEqual(french);
    expect(await verbose({ language: 'fr', 'languages[]': ['de', 'fr'] })).toEqual(french);
    expect(french).toMatchObject({ language: 'french' });
    const plain = await json(await api.transcribe({ file: speech, model: TIMESTAMPED, 'languages[]': ['fr'] }));
    expect(plain).toMatchObject({ text: french.text, languages: [{ code: 'fr' }] });
  });

  it('languages[] with several: the likeliest of them, told of each segment, also at the end of a stream', async () => {
    const free = await verbose({});
    const names: Record<string, string> = { de: 'german', fr: 'french', ja: 'japanese', es: 'spanish' };
    const possible = Object.keys(names).filter((code) => names[code] !== free.language);
    const { language, segments = [] } = await verbose({ 'languages[]': possible, temperature: '0.4' });
    expect(possible.map((code) => names[code])).toContain(language);
    expect(segments.length).toBeGreaterThan(0);
    expect(new Set(segments.map((segment) => segment.language))).toEqual(new Set([language]));
    expect(free.segments?.filter((segment) => 'language' in segment)).toEqual([]);
    const values = { file: speech, model: TIMESTAMPED, 'languages[]': possible, temperature: '0.4', stream: 'true' };
    const done = (await (await api.transcribe(values)).text()).trim().split('data: ').at(-1) ?? '';
    const code = possible.find((other) => names[other] === language);
    expect(JSON.parse(done)).toMatchObject({ type: 'transcript.text.done', languages: [{ code }] });
  });

  it('languages[] of which the model knows none: 400; one of them is enough', async () => {
    const refused = await api.transcribe({ file: speech, model: ENGLISH, 'languages[]': ['de', 'fr'] });
    expect(await errorOf(refused)).toMatchObject({ status: 400, code: 'unsupported_value', param: 'languages' });
    expect(await verbose({ model: ENGLISH, 'languages[]': ['de', 'en'] })).toMatchObject({ language: 'english' });
  });

  it('keywords[] reach the model', async () => {
    const plain = await verbose({ language: 'en' });
    const helped = await verbose({ language: 'en', 'keywords[]': ['Kubernetes', 'fellow Americans'] });
    expect(helped.text).not.toBe(plain.text);
    expect(await verbose({ language: 'en', keywords: 'Kubernetes, fellow Americans' })).toEqual(helped);
  });

  it('beam_size: of transcripts and translations; 400 of models without', async () => {
    expect((await verbose({ language: 'en', beam_size: '2' })).text).not.toBe('');
    expect((await translate({ model: TIMESTAMPED, beam_size: '2' })).status).toBe(200);
    const refused = await api.transcribe({ file: speech, model: 'zipformer-gigaspeech-3.3m', beam_size: '2' });
    expect(await errorOf(refused)).toMatchObject({ status: 400, code: 'unsupported_value', param: 'beam_size' });
  });

  it.each([
    ['beam_size', { beam_size: '0' }],
    ['beam_size', { beam_size: '5', temperature: '0.4' }],
    ['keywords', { 'keywords[]': ['ok', ' '] }],
    ['languages', { 'languages[]': ['en', 'klingon'] }],
    ['language', { 'languages[]': ['en', 'de'], language: 'fr' }],
  ])('a bad %s: 400 that names it', async (param, values) => {
    const response = await api.transcribe({ file: speech, model: TIMESTAMPED, ...values });
    expect(await errorOf(response)).toMatchObject({ status: 400, code: 'invalid_value', param });
  });

  it('a language the model does not know: 400', async () => {
    const response = await api.transcribe({ file: speech, model: ENGLISH, language: 'de' });
    expect(await errorOf(response)).toMatchObject({ status: 400, code: 'unsupported_value', param: 'language' });
  });
});
