/** The contract's cases on a Whisper model that others hold a transducer to: A1–A9, A17, B1, B2, C4, C5, C9, D1, D2, D5, D6. */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeAs, FORMATS } from '../support/media.ts';
import { describeWithShared, shared } from '../support/shared.ts';
import { tempDir } from '../support/temp-dir.ts';
import { CLIP, startWhisperApi, WHISPER } from '../support/whisper-api.ts';
import { encodeCapture, exchange, parseCaptures } from '../support/wire-replay.ts';
import { type Api, errorOf, json, USER_KEY } from './start-api.ts';

interface Verbose {
  task: string;
  language: string;
  duration: number;
  text: string;
  segments?: { id: unknown; tokens: unknown[]; [field: string]: unknown }[];
  words?: { word: string; start: number; end: number }[];
}

describeWithShared('the contract on a Whisper model', () => {
  let api: Api;
  let clip: File;
  let expected: string;
  beforeAll(async () => {
    api = await startWhisperApi();
    clip = new File([await readFile(CLIP)], 'jfk.wav');
    expected = (await json<{ text: string }>(await transcribe())).text;
    expect(expected).not.toBe('');
  }, 60_000);
  afterAll(() => api.close());

  // Given the language, and greedy, the same text comes each time.
  const transcribe = (values = {}) =>
    api.transcribe({ file: clip, model: 'whisper-1', language: 'en', temperature: '0', ...values });
  const verbose = async (...granularities: string[]) =>
    json<Verbose>(await transcribe({ response_format: 'verbose_json', 'timestamp_granularities[]': granularities }));

  it('A1 A2 json, asked for or not', async () => {
    for (const values of [{}, { response_format: 'json' }]) {
      const usage = { type: 'duration', seconds: 11 };
      expect(await json(await transcribe(values))).toEqual({ text: expected, usage });
    }
  });

  it('A3 A5 text, srt and vtt are no JSON', async () => {
    const asText = async (format: string) => {
      const response = await transcribe({ response_format: format });
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      return response.text();
    };
    expect(await asText('text')).toBe(`${expected}\n`);
    expect(await asText('srt')).toMatch(/^1\n\d{2}:\d{2}:\d{2},\d{3} --> \d{2}:\d{2}:\d{2},\d{3}\n\S/);
    expect(await asText('vtt')).toMatch(/^WEBVTT\n\n\d{2}:\d{2}:\d{2}\.\d{3} --> \d{2}:\d{2}:\d{2}\.\d{3}\n\S/);
  });

  it('A6 A9 verbose_json: segments with all ten fields, nothing null, no words', async () => {
    const body = await verbose();
    expect(body).toMatchObject({ task: 'transcribe', language: 'english', text: expected });
    expect(body.duration).toBeCloseTo(11, 0);
    expect(body).not.toHaveProperty('words');
    expect(JSON.stringify(body)).not.toContain('null');
    const fields = 'avg_logprob compression_ratio end id no_speech_prob seek start temperature text tokens';
    for (const segment of body.segments ?? []) {
      // What a segment is suspected of is an addition of ours.
      const keys = Object.keys(segment).filter((key) => key !== 'risk');
      expect(keys.sort().join(' ')).toBe(fields);
      expect(segment.id).toBeTypeOf('number');
      expect(segment.tokens.every(Number.isInteger)).toBe(true);
    }
    expect(body.segments?.length).toBeGreaterThan(0);
  });

  it('A7 A8 words alone, and words and segments', async () => {
    const words = await verbose('word');
    expect(words.words?.length).toBeGreaterThan(0);
    expect(words).not.toHaveProperty('segments');
    const both = await verbose('word', 'segment');
    expect(both.words).toEqual(words.words);
    expect(both.segments?.length).toBeGreaterThan(0);
  });

  it.each(FORMATS)('A17 reads %s', async (format) => {
    const bytes = await encodeAs(format, CLIP, await tempDir());
    const { text } = await json<{ text: string }>(await transcribe({ file: new File([bytes], `clip.${format}`) }));
    if (format === 'flac') expect(text).toBe(expected);
    else expect(text).not.toBe('');
  });

  it('B1 B2 captured requests of the clients give the same result', async () => {
    const captures = readdirSync(shared('wire')).flatMap((file) => parseCaptures(readFileSync(shared('wire', file))));
    const named = captures.filter(({ name }) => name === 'n7-readstream' || name === 'py-openks');
    expect(named).toHaveLength(2);
    // What only one of them sends and a Whisper model heeds.
    const heeded = { 'languages[]': null, 'keywords[]': null, prompt: null, language: 'en', temperature: '0' };
    const fields = { model: 'whisper-1', response_format: 'verbose_json', 'include[]': null, ...heeded };
    const audio = readFileSync(CLIP);
    const texts: string[] = [];
    for (const capture of named) {
      const { responses } = await exchange(
        api.app.url,
        encodeCapture(capture, { key: USER_KEY, audio, fields }, 'whole'),
      );
      expect(responses.map(({ status }) => status)).toEqual([200]);
      texts.push(JSON.parse(responses[0]?.body ?? '').text);
    }
    expect(texts[0]).toBe(texts[1]);
  });

  it('C4 C5 C9 what is no audio, is empty, or asks for words without verbose_json', async () => {
    const noise = new File(['not audio at all'.repeat(1000)], 'noise.wav');
    expect(await errorOf(await transcribe({ file: noise }))).toMatchObject({ status: 400, code: 'unsupported_audio' });
    const empty = new File([], 'empty.wav');
    expect(await errorOf(await transcribe({ file: empty }))).toMatchObject({ status: 400, code: 'audio_too_short' });
    const words = await errorOf(await transcribe({ 'timestamp_granularities[]': 'word' }));
    expect(words).toMatchObject({ status: 400, param: 'timestamp_granularities' });
  });

  it('D1 D2 the client iterates a stream whose deltas add up', async () => {
    const stream = await api.openai.audio.transcriptions.create({
      file: clip,
      model: 'whisper-1',
      language: 'en',
      temperature: 0,
      stream: true,
    });
    let text = '';
    const last: unknown[] = [];
    for await (const event of stream) {
      if (event.type === 'transcript.text.delta') text += event.delta;
      else last.push(event);
    }
    expect(text).toBe(expected);
    expect(last).toEqual([expect.objectContaining({ type: 'transcript.text.done', text: expected })]);
  });

  it('D5 an error before the stream is an ordinary answer', async () => {
    const noise = new File(['not audio at all'.repeat(1000)], 'noise.wav');
    const asked = api.openai.audio.transcriptions.create({ file: noise, model: 'whisper-1', stream: true });
    await expect(asked).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });

  it('D6 the worker is killed amid a stream: the client raises APIError', async () => {
    // Several windows: the first one's text comes while the others are read.
    const wav = await readFile(CLIP);
    const size = wav.indexOf('data') + 4;
    const long = Buffer.concat([wav, ...Array.from({ length: 20 }, () => wav.subarray(size + 4))]);
    for (const at of [4, size]) long.writeUInt32LE(long.length - at - 4, at);
    const stream = await api.openai.audio.transcriptions.create({
      file: new File([long], 'long.wav'),
      model: 'whisper-1',
      language: 'en',
      stream: true,
    });
    const reading = (async () => {
      for await (const event of stream) {
        expect(event.type).toBe('transcript.text.delta');
        const pid = api.app.registry.describe(WHISPER)?.replicas[0]?.pid;
        if (typeof pid === 'number') process.kill(pid, 'SIGKILL');
      }
    })();
    const error: unknown = await reading.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ code: 'worker_crashed', type: 'server_error' });
  });
});
