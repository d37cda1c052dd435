/**
 * B11, D2, F1: the official Python client against a Whisper model. `OPENAI_PYTHON` names an interpreter that can import
 * `openai`; default `python3`. Skipped, and says so, where there is none.
 */
import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasShared } from '../support/shared.ts';
import { CLIP, startWhisperApi, WHISPER } from '../support/whisper-api.ts';
import { type Api, json, USER_KEY } from './start-api.ts';

const PYTHON = process.env.OPENAI_PYTHON ?? 'python3';
const SCRIPT = fileURLToPath(new URL('../support/openai_client.py', import.meta.url));

const canRun = hasShared && spawnSync(PYTHON, ['-c', 'import openai']).status === 0;
if (!canRun) {
  process.stderr.write('SKIPPED: the Python client needs ../shared, and OPENAI_PYTHON: a Python with "openai"\n');
}

interface Found {
  json: { type: string; text: string };
  text: string;
  srt: string;
  vtt: string;
  verbose_json: { type: string; text: string; language: string; duration: number; segments: object[]; words: object[] };
  stream: { type: string; delta?: string; text?: string }[];
  logprobs: { token: string; bytes: number[]; logprob: number }[];
  translation: { type: string; text: string };
  translation_verbose: object;
  translation_text: string;
  errors: Record<string, object | null>;
}

describe.skipIf(!canRun)('the Python client', () => {
  let api: Api;
  let found: Found;
  let text: string;
  beforeAll(async () => {
    api = await startWhisperApi();
    const file = new File([await readFile(CLIP)], 'jfk.wav');
    const values = { file, model: WHISPER, language: 'en', temperature: '0' };
    ({ text } = await json<{ text: string }>(await api.transcribe(values)));
    const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, api.app.url, USER_KEY, 'whisper-1', CLIP]);
    found = JSON.parse(stdout);
  }, 60_000);
  afterAll(() => api.close());

  it('gets a typed result in each format', () => {
    expect(found.json).toEqual({ type: 'Transcription', text });
    expect(found.text).toBe(`${text}\n`);
    expect(found.srt).toMatch(/^1\n\d{2}:\d{2}:\d{2},\d{3} --> /);
    expect(found.vtt).toMatch(/^WEBVTT\n\n\d{2}:\d{2}:\d{2}\.\d{3} --> /);
    expect(found.verbose_json).toMatchObject({ type: 'TranscriptionVerbose', text, language: 'english' });
    expect(found.verbose_json.duration).toBeCloseTo(11, 0);
    expect(found.verbose_json.segments.length).toBeGreaterThan(0);
    expect(found.verbose_json.words.length).toBeGreaterThan(0);
  });

  it('D2 iterates the events of a stream to the end', () => {
    expect(found.stream.map(({ delta }) => delta ?? '').join('')).toBe(text);
    expect(found.stream.at(-1)).toMatchObject({ type: 'transcript.text.done', text });
  });

  it('A12 gets log-probabilities', () => {
    const spelt = Buffer.from(found.logprobs.flatMap(({ bytes }) => bytes)).toString();
    expect(spelt.trim()).toBe(text);
  });

  it('F1 translates', () => {
    expect(found.translation).toMatchObject({ type: 'Translation', text: expect.stringMatching(/\S/) });
    expect(found.translation_verbose).toMatchObject({ language: 'english', text: found.translation.text });
    expect(found.translation_text).toBe(`${found.translation.text}\n`);
  });

  it('raises its own exceptions', () => {
    const notFound = { type: 'NotFoundError', status: 404, code: 'model_not_found' };
    expect(found.errors).toMatchObject({
      model: notFound,
      stream: notFound,
      format: { type: 'BadRequestError', status: 400, param: 'response_format' },
      granularities: { type: 'BadRequestError', status: 400, param: 'timestamp_granularities' },
      noise: { type: 'BadRequestError', status: 400, code: 'unsupported_audio' },
      key: { type: 'AuthenticationError', status: 401, code: 'invalid_api_key' },
    });
  });
});
