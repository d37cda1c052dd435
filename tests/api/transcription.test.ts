/** A, C4, C5, B10, B11, D1: the smallest real model, through the whole path. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeAs, encodeLarge, FORMATS, sineWav } from '../support/media.ts';
import { describeWithShared, shared } from '../support/shared.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type Api, errorOf, json, startApi } from './start-api.ts';

const MODEL = 'zipformer-gigaspeech-3.3m';
const CLIP = shared('audio/speech/jfk.wav');
const TEN_FIELDS = [
  'id',
  'seek',
  'start',
  'end',
  'text',
  'tokens',
  'temperature',
  'avg_logprob',
  'compression_ratio',
  'no_speech_prob',
];
const WORDS = 'ask not what your country can do for you';

/** Words as they are compared: lower case, no punctuation. */
function plain(text: unknown): string {
  return String(text)
    .toLowerCase()
    .replace(/[^a-z' ]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

interface VerboseJson {
  text: string;
  language: string;
  duration: number;
  segments?: Record<string, unknown>[];
  words?: { word: string; start: number; end: number }[];
}

describeWithShared('transcription with a real model', () => {
  let api: Api;
  let clip: File;
  let expected: string;

  beforeAll(async () => {
    api = await startApi({ withHub: true, env: { MODEL_ALIASES: `whisper-1=${MODEL}` } });
    clip = new File([await readFile(CLIP)], 'speech.wav');
    const { text } = await json(await api.transcribe({ file: clip, model: MODEL }));
    expected = String(text);
    expect(plain(expected)).toContain(WORDS);
  });
  afterAll(() => api.close());

  const transcribe = (values = {}) => api.transcribe({ file: clip, model: 'whisper-1', ...values });
  const verbose = async (values = {}) =>
    await json<VerboseJson>(await transcribe({ response_format: 'verbose_json', ...values }));

  it('A1 json is the default: text and duration usage', async () => {
    const response = await transcribe();
    expect(response.status).toBe(200);
    expect(await json(response)).toEqual({ text: expected, usage: { type: 'duration', seconds: 11 } });
  });

  it('A2 response_format=json has the shape of the default', async () => {
    const response = await transcribe({ response_format: 'json' });
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await json(response)).toEqual({ text: expected, usage: { type: 'duration', seconds: 11 } });
  });

  it('A3 text is not JSON, ends with a newline, and is a string for the client', async () => {
    const response = await transcribe({ response_format: 'text' });
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe(`${expected}\n`);
    const typed = await api.openai.audio.transcriptions.create({
      file: clip,
      model: 'whisper-1',
      response_format: 'text',
    });
    expect(typed).toBe(`${expected}\n`);
  });

  it('srt: numbered blocks, comma before the milliseconds', async () => {
    const response = await transcribe({ response_format: 'srt' });
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const text = await response.text();
    expect(text).toMatch(/^1\n\d{2}:\d{2}:\d{2},\d{3} --> \d{2}:\d{2}:\d{2},\d{3}\n\S.*\n\n2\n/);
    expect(text.endsWith('\n\n')).toBe(true);
    expect(plain(text)).toContain('country');
  });

  it('A5 vtt: a header, and hours in every stamp', async () => {
    const response = await transcribe({ response_format: 'vtt' });
    expect(response.headers.get('content-type')).not.toMatch(/json/);
    const [header, ...cues] = (await response.text()).trimEnd().split('\n\n');
    expect(header).toBe('WEBVTT');
    expect(cues.length).toBeGreaterThan(0);
    for (const cue of cues) expect(cue).toMatch(/^\d{2}:\d{2}:\d{2}\.\d{3} --> \d{2}:\d{2}:\d{2}\.\d{3}\n\S/);
  });

  it('A6 verbose_json: language, duration and segments with all ten fields, no words', async () => {
    const body = await verbose();
    expect(body.text).toBe(expected);
    expect(body.duration).toBeCloseTo(11, 0);
    expect(body.segments?.length).toBeGreaterThan(0);
    for (const segment of body.segments ?? []) expect(Object.keys(segment).sort()).toEqual([...TEN_FIELDS].sort());
    expect(plain(body.segments?.map(({ text }) => text).join(' '))).toBe(plain(expected));
    expect(body).not.toHaveProperty('words');
  });

  it('A7 word granularity: words with their times, no segments', async () => {
    const body = await verbose({ 'timestamp_granularities[]': 'word' });
    expect(body).not.toHaveProperty('segments');
    expect(plain(body.words?.map(({ word }) => word).join(' '))).toBe(plain(expected));
    let last = 0;
    for (const { word, start, end } of body.words ?? []) {
      expect(word).toMatch(/^[A-Za-z']+$/);
      expect(start).toBeGreaterThanOrEqual(last);
      expect(end).toBeGreaterThan(start);
      expect(end).toBeLessThanOrEqual(body.duration);
      last = start;
    }
  });

  it.each([
    ['field[]', 'timestamp_granularities[]'],
    ['bare field', 'timestamp_granularities'],
  ])('A8 both granularities, sent as %s: words and segments', async (_spelling, name) => {
    const body = await verbose({ [name]: ['word', 'segment'] });
    expect(body.words?.length).toBeGreaterThan(10);
    expect(body.segments?.length).toBeGreaterThan(0);
  });

  it('A9 types strict clients insist on: numeric ids, integer tokens, no null, the language by its English name', async () => {
    const response = await transcribe({
      response_format: 'verbose_json',
      'timestamp_granularities[]': ['word', 'segment'],
    });
    const text = await response.text();
    expect(text).not.toContain('null');
    const body: VerboseJson = JSON.parse(text);
    expect(body.language).toBe('english');
    for (const segment of body.segments ?? []) {
      for (const name of TEN_FIELDS.filter((field) => field !== 'text' && field !== 'tokens')) {
        expect(segment[name], name).toBeTypeOf('number');
      }
      expect(segment.tokens).toSatisfy((tokens: unknown) => Array.isArray(tokens) && tokens.every(Number.isInteger));
      expect(segment.text).toMatch(/^ \S/);
    }
  });

  it.each(FORMATS)('A17 a %s version of the clip gives the same words', async (format) => {
    const bytes = await encodeAs(format, CLIP, await tempDir());
    const { text } = await json(await transcribe({ file: new File([bytes], `clip.${format}`) }));
    expect(plain(text)).toContain('what your country can do for you');
    if (format === 'flac') expect(text).toBe(expected);
    // A lossy codec may cost this very small model a word.
    const heard = new Set(plain(text).split(' '));
    const said = [...new Set(plain(expected).split(' '))];
    expect(said.filter((word) => !heard.has(word)).length).toBeLessThanOrEqual(1);
  });

  it('B6 names and types say nothing: the audio is recognised by its content', async () => {
    for (const name of ['blob', 'unknown_file', 'upload', 'audio/wav', 'a.mp3', 'speech.txt']) {
      const { text } = await json(await transcribe({ file: new File([clip], name, { type: 'video/mp4' }) }));
      expect(text, name).toBe(expected);
    }
  });

  it('B10 the model may come after a file of 10 MB', async () => {
    const large = new File([await encodeLarge(CLIP, await tempDir())], 'large.wav');
    expect(large.size).toBeGreaterThan(10_000_000);
    const response = await api.transcribe({ model: null, file: large, response_format: 'json' });
    expect(await errorOf(response)).toMatchObject({ status: 400, param: 'model' });

    const form = new FormData();
    form.append('file', large);
    form.append('model', 'whisper-1');
    const { text } = await json(await api.fetch('/v1/audio/transcriptions', { method: 'POST', body: form }));
    expect(plain(text)).toContain(WORDS);
  });

  it.each(['json', 'text', 'srt', 'vtt', 'verbose_json'] as const)('B11 the OpenAI client reads %s', async (format) => {
    // One upload has a length, the other is chunked.
    const uploads = [() => toFile(clip, 'speech.wav'), () => createReadStream(CLIP)];
    for (const upload of uploads) {
      const result: unknown = await api.openai.audio.transcriptions.create({
        file: await upload(),
        model: 'whisper-1',
        response_format: format,
      });
      const isText = !format.endsWith('json');
      if (isText) expect(plain(result)).toContain('country');
      else expect(result).toMatchObject({ text: expected });
      if (format === 'verbose_json') expect(result).toMatchObject({ language: 'english', segments: expect.any(Array) });
    }
  });

  it('C4 bytes that are no audio', async () => {
    const noise = new File([crypto.getRandomValues(new Uint8Array(50_000))], 'noise.wav');
    expect(await errorOf(await transcribe({ file: noise }))).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      code: 'unsupported_audio',
    });
  });

  it('C5 an empty file, and 50 ms of audio', async () => {
    const empty = new File([], 'empty.wav');
    expect(await errorOf(await transcribe({ file: empty }))).toMatchObject({ status: 400, code: 'audio_too_short' });
    const brief = new File([await sineWav(0.05, await tempDir())], 'brief.wav');
    expect(await errorOf(await transcribe({ file: brief }))).toMatchObject({ status: 400, code: 'audio_too_short' });
  });

  it('C4 stays an ordinary error when a stream was asked for', async () => {
    const noise = new File(['not audio at all'.repeat(1000)], 'noise.wav');
    const response = await transcribe({ file: noise, stream: 'true' });
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await errorOf(response)).toMatchObject({ status: 400, code: 'unsupported_audio' });
    await expect(
      api.openai.audio.transcriptions.create({ file: noise, model: 'whisper-1', stream: true }),
    ).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });

  it('D1 a stream: deltas, then one done whose text they add up to', async () => {
    const response = await transcribe({ stream: 'true' });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const frames = (await response.text()).split('\n\n').filter((frame) => frame !== '');
    expect(frames.every((frame) => frame.startsWith('data: '))).toBe(true);
    const events: { type: string; delta?: string; text?: string }[] = frames.map((frame) => JSON.parse(frame.slice(6)));
    const done = events.pop();
    expect(done).toMatchObject({ type: 'transcript.text.done', text: expected });
    expect(events.length).toBeGreaterThanOrEqual(1);
    expect(events.every(({ type }) => type === 'transcript.text.delta')).toBe(true);
    expect(events.map(({ delta }) => delta).join('')).toBe(expected);
  });
});
