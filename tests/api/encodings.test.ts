/** B: what clients do to a form, against a model that takes any bytes for audio. */
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';
import { encodeCapture, exchange, field, filePart, type MadeRequest, makeRequest } from '../support/wire-replay.ts';
import { type Api, errorOf, json, STUB_AUDIO, startApi, USER_KEY } from './start-api.ts';

describe('wire encodings', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ env: { MODEL_ALIASES: 'whisper-1=fake/echo' } });
  });
  afterAll(() => api.close());

  const send = async (request: MadeRequest, splitting: Parameters<typeof encodeCapture>[2] = 'whole') => {
    const { responses } = await exchange(
      api.app.url,
      encodeCapture(makeRequest(request), { key: USER_KEY }, splitting),
    );
    expect(responses).toHaveLength(1);
    const [response] = responses;
    if (response === undefined) throw new Error('no response');
    api.check({ method: 'POST', path: '/v1/audio/transcriptions', ...response }, response.body);
    return { status: response.status, body: JSON.parse(response.body) };
  };
  const echo = [field('model', 'fake/echo'), field('prompt', 'say:heard')];

  it('B1 a chunked upload, file first, cut anywhere', async () => {
    const parts = [filePart(Buffer.alloc(300, '\r\n--')), ...echo];
    for (const splitting of ['whole', 'inside-boundaries', { every: 1 }, { every: 13 }] as const) {
      expect(await send({ parts, chunked: true }, splitting)).toMatchObject({ status: 200, body: { text: 'heard' } });
    }
  });

  it('B2 the file last gives the same', async () => {
    const last = await send({ parts: [...echo, filePart(STUB_AUDIO)] });
    expect(last).toEqual(await send({ parts: [filePart(STUB_AUDIO), ...echo], chunked: true }));
  });

  it.each([
    ['auto', { chunking_strategy: 'auto' }],
    ['null, as unset', { chunking_strategy: 'null' }],
    ['a JSON string', { chunking_strategy: '{"type":"server_vad"}' }],
    [
      'a bracketed object',
      {
        'chunking_strategy[type]': 'server_vad',
        'chunking_strategy[threshold]': '0.5',
        'chunking_strategy[prefix_padding_ms]': '300',
        'chunking_strategy[silence_duration_ms]': '200',
      },
    ],
  ])('B4 chunking_strategy as %s', async (_title, values) => {
    expect((await api.transcribe(values)).status).toBe(200);
  });

  it.each([
    ['another word', { chunking_strategy: 'semantic' }],
    ['an unknown type', { 'chunking_strategy[type]': 'semantic_vad' }],
    ['broken JSON', { chunking_strategy: '{"type":' }],
    ['a threshold above one', { chunking_strategy: '{"type":"server_vad","threshold":1.5}' }],
  ])('B4 chunking_strategy as %s is refused', async (_title, values) => {
    expect(await errorOf(await api.transcribe(values))).toMatchObject({ status: 400, param: 'chunking_strategy' });
  });

  it('B5 a file part without a content type', async () => {
    const head = 'Content-Disposition: form-data; name="file"; filename="abc.webm"';
    expect(await send({ parts: [...echo, { head, body: STUB_AUDIO }] })).toMatchObject({ status: 200 });
  });

  it.each(['blob', 'unknown_file', 'upload', 'audio/wav', '/recordings/a.wav', 'ä "q".wav', '录音.wav', '%00.wav'])(
    'B6 the filename %s',
    async (name) => {
      expect((await api.transcribe({ file: new File([STUB_AUDIO], name) })).status).toBe(200);
      const raw = Buffer.from(name.replaceAll('"', '%22')).toString('latin1');
      expect(await send({ parts: [filePart(STUB_AUDIO, raw), ...echo] })).toMatchObject({ status: 200 });
    },
  );

  it('B8 fields nobody knows are ignored', async () => {
    const response = await api.transcribe({
      vad_filter: 'false',
      hotwords: 'x',
      'foo[bar]': '1',
      'extra_body[known_speaker_names][]': 'a',
      'known_speaker_references[]': ['data:audio/wav;base64,AAAA', 'data:audio/wav;base64,BBBB'],
      prompt: 'say:heard',
    });
    expect(response.status).toBe(200);
    expect(await json(response)).toMatchObject({ text: 'heard' });
  });

  it('B8 extra_body[…] stands for the field in its brackets, which wins when it is there too', async () => {
    const extra = await api.transcribe({ prompt: null, 'extra_body[prompt]': 'say:extra' });
    expect(await json(extra)).toMatchObject({ text: 'extra' });
    const both = await api.transcribe({ prompt: 'say:own', 'extra_body[prompt]': 'say:extra' });
    expect(await json(both)).toMatchObject({ text: 'own' });
  });

  it('B10 the model after a file of 10 MB', async () => {
    const form = new FormData();
    form.append('file', new File([new Uint8Array(10_000_000)], 'a.wav'));
    form.append('prompt', 'say:heard');
    form.append('model', 'whisper-1');
    const response = await api.fetch('/v1/audio/transcriptions', { method: 'POST', body: form });
    expect(await json(response)).toMatchObject({ text: 'heard' });
  });

  it.each(['json', 'text', 'srt', 'vtt', 'verbose_json'] as const)('B11 the OpenAI client reads %s', async (format) => {
    const path = join(await tempDir(), 'speech.wav');
    await writeFile(path, STUB_AUDIO);
    for (const file of [await toFile(STUB_AUDIO, 'speech.wav'), createReadStream(path)]) {
      const request = { file, model: 'whisper-1', prompt: 'say:heard', response_format: format };
      const result: unknown = await api.openai.audio.transcriptions.create(request);
      if (format.endsWith('json')) expect(result).toMatchObject({ text: 'heard' });
      else expect(result).toBe({ text: 'heard\n', srt: '', vtt: 'WEBVTT\n\n' }[format as 'text' | 'srt' | 'vtt']);
    }
  });

  it('what Accept says changes nothing', async () => {
    for (const accept of ['application/json', 'text/plain', 'image/png', '*/*']) {
      const response = await api.transcribe({ response_format: 'text' }, { headers: { accept } });
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    }
  });

  it('a field of several MiB comes through whole', async () => {
    const response = await api.transcribe({
      'known_speaker_references[]': 'A'.repeat(3 * 2 ** 20),
      prompt: 'say:heard',
    });
    expect(await json(response)).toMatchObject({ text: 'heard' });
  });
});
