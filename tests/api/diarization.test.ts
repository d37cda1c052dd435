/**
 * Who spoke when, over HTTP: the real segmentation, with a stand-in for the voiceprints that tells apart the speakers of the
 * reference material, and nobody else.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { z } from 'zod';
import type { diarizationJson, diarizationVerboseJson } from '../../backend/src/contract/diarization.ts';
import type { Job } from '../../backend/src/contract/jobs.ts';
import type { transcriptionDiarizedJson, transcriptionVerboseJson } from '../../backend/src/contract/transcription.ts';
import { countDiarizationErrors, diarizationErrorRate } from '../../backend/src/text/der.ts';
import { parseRttm } from '../../backend/src/text/rttm.ts';
import { type FakeHub, startFakeHub } from '../support/fake-hub.ts';
import { describeWithShared, SHARED_ROOT, shared } from '../support/shared.ts';
import { standInEmbedding } from '../support/stand-in-embedding.ts';
import { wavOf } from '../support/wav.ts';
import { type Api, errorOf, eventually, type FormValues, json, startApi, toForm } from './start-api.ts';

const MODEL = 'stand-in';
const SPEECH_MODEL = 'zipformer-gigaspeech-3.3m';

type Turns = z.infer<typeof diarizationJson>;

const referenceTurns = async () => parseRttm(await readFile(shared('audio/diarization/sample.rttm'), 'utf8'));

describeWithShared('diarization', () => {
  let hub: FakeHub;
  let api: Api;
  let call: File;
  beforeAll(async () => {
    hub = await startFakeHub({
      root: `${SHARED_ROOT}/hub`,
      repos: { 'tests/stand-in': { 'onnx/model.onnx': standInEmbedding() } },
    });
    api = await startApi({ env: { HF_ENDPOINT: hub.url } });
    const added = await api.fetch('/api/admin/models', {
      method: 'POST',
      headers: { authorization: `Bearer ${api.app.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: MODEL, family: 'pyannote', repo: 'tests/stand-in', settings: { license: 'MIT' } }),
    });
    expect(added.status).toBe(201);
    await diarize();
    call = new File([await readFile(shared('audio/diarization/sample.wav'))], 'call.wav');
  });
  afterAll(async () => {
    await api.close();
    await hub.close();
  });

  const diarize = (values: FormValues = {}): Promise<Response> =>
    api.fetch('/v1/audio/diarizations', {
      method: 'POST',
      body: toForm({ file: call, model: MODEL, ...values }),
    });

  it('tells the two speakers of a telephone call apart: less than 10 % of the speech is wrong', async () => {
    const response = await diarize({ response_format: 'rttm' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/plain');
    const heard = parseRttm(await response.text());
    const reference = await referenceTurns();
    expect(new Set(heard.map(({ speaker }) => speaker))).toEqual(new Set(['A', 'B']));
    expect(diarizationErrorRate(countDiarizationErrors(reference, heard))).toBeLessThan(0.1);
  });

  it('json: turns by start, with confidence; verbose_json: one speaker at a time too; srt and vtt', async () => {
    const plain = await json<Turns>(await diarize());
    expect(plain.segments.map(({ start }) => start)).toEqual(
      plain.segments.map(({ start }) => start).toSorted((a, b) => a - b),
    );
    for (const { start, end, confidence } of plain.segments) {
      expect(end).toBeGreaterThan(start);
      expect(end).toBeLessThanOrEqual(plain.duration);
      expect(confidence).toBeGreaterThan(0);
      expect(confidence).toBeLessThanOrEqual(1);
    }
    expect(plain.speakers.map(({ speaker, known }) => [speaker, known])).toEqual([
      ['A', false],
      ['B', false],
    ]);
    const verbose = await json<z.infer<typeof diarizationVerboseJson>>(
      await diarize({ response_format: 'verbose_json' }),
    );
    expect(verbose.segments).toEqual(plain.segments);
    for (const [index, turn] of verbose.exclusive_segments.entries()) {
      const next = verbose.exclusive_segments[index + 1];
      if (next !== undefined) expect(turn.end).toBeLessThanOrEqual(next.start);
    }
    expect(await (await diarize({ response_format: 'srt' })).text()).toMatch(/^1\n00:00:0\d,\d{3} --> /);
    expect(await (await diarize({ response_format: 'vtt' })).text()).toMatch(/^WEBVTT\n\n00:00:0/);
  });

  it('keeps to the number of speakers that it is told, and finds no one in silence', async () => {
    const one = await json<Turns>(await diarize({ num_speakers: '1' }));
    expect(one.speakers.map(({ speaker }) => speaker)).toEqual(['A']);
    const silence = new File([wavOf(new Float32Array(16_000 * 5))], 'silence.wav');
    const none = await json<Turns>(await diarize({ file: silence }));
    expect(none).toMatchObject({ duration: 5, speakers: [], segments: [] });
  });

  it('takes eight channels, and looks for eight speakers where there are two', async () => {
    const samples = Float32Array.from({ length: 3 * 16_000 }, (_, i) => 0.2 * Math.sin(i / 20));
    const channels = wavOf(Float32Array.from({ length: 8 * samples.length }, (_, i) => samples[i >> 3] ?? 0));
    channels.writeUInt16LE(8, 22);
    channels.writeUInt32LE(8 * 32_000, 28);
    channels.writeUInt16LE(16, 32);
    const { duration } = await json<Turns>(await diarize({ file: new File([channels], '8.wav') }));
    expect(duration).toBe(3);
    const eight = await json<Turns>(await diarize({ num_speakers: '8' }));
    expect(eight.speakers.length).toBeGreaterThan(2);
    expect(eight.speakers.length).toBeLessThanOrEqual(8);
  });

  it.each([
    ['300 ms', new Float32Array(4800).map((_, i) => 0.3 * Math.sin(i / 9))],
    ['noise', new Float32Array(32_000).map((_, i) => Math.sin(i * i) / 3)],
  ])('answers %s', async (_, samples) => {
    const response = await diarize({ file: new File([wavOf(samples)], 'a.wav') });
    expect(response.status).toBe(200);
  });

  it.each([
    [{ num_speakers: '0' }, 'num_speakers'],
    [{ num_speakers: '99' }, 'num_speakers'],
    [{ num_speakers: '2', max_speakers: '3' }, 'num_speakers'],
    [{ min_speakers: '3', max_speakers: '2' }, 'min_speakers'],
    [{ response_format: 'text' }, 'response_format'],
    [{ 'known_speaker_names[]': ['Ann', 'Ann'] }, 'known_speaker_names'],
    [{ 'known_speaker_names[]': ['Ann'], 'known_speaker_references[]': ['no data'] }, 'known_speaker_references'],
    [{ 'known_speaker_names[]': ['Ann'], 'known_speaker_references[]': ['a', 'b'] }, 'known_speaker_references'],
  ] as [FormValues, string][])('refuses %j, naming %s', async (values, param) => {
    expect(await errorOf(await diarize(values))).toMatchObject({ status: 400, type: 'invalid_request_error', param });
  });

  it('without a model takes the one there is; a transcription model is none', async () => {
    expect((await diarize({ model: null, num_speakers: '1' })).status).toBe(200);
    expect(await errorOf(await diarize({ model: SPEECH_MODEL }))).toMatchObject({ status: 400, param: 'model' });
  });

  it('A10: diarized_json says who says what, and D4 streams it', async () => {
    const values = {
      file: call,
      model: SPEECH_MODEL,
      response_format: 'diarized_json',
      chunking_strategy: 'auto',
      diarization_model: MODEL,
    };
    const answer = await json<z.infer<typeof transcriptionDiarizedJson>>(await api.transcribe(values));
    expect(answer.task).toBe('transcribe');
    expect(answer.segments.length).toBeGreaterThan(2);
    expect(new Set(answer.segments.map(({ speaker }) => speaker))).toEqual(new Set(['A', 'B']));
    for (const { type, id, text } of answer.segments) {
      expect(type).toBe('transcript.text.segment');
      expect(id).toMatch(/^seg_\d{3}$/);
      expect(text.trim()).not.toBe('');
    }
    expect(answer.text).toMatch(/^[AB]: .+\n[AB]: /);
    const viaClient = await api.openai.audio.transcriptions.create({
      ...{
        file: call,
        model: 'gpt-4o-transcribe-diarize',
        response_format: 'diarized_json',
        chunking_strategy: 'auto',
      },
    });
    expect(viaClient).toEqual(answer);
    const stream = await (await api.transcribe({ ...values, stream: 'true' })).text();
    const events = stream
      .split('\n')
      .filter((line) => line.startsWith('data: {'))
      .map((line) => JSON.parse(line.slice(6)) as { type: string });
    expect(events.filter(({ type }) => type === 'transcript.text.segment')).toEqual(answer.segments);
    expect(events.at(-1)?.type).toBe('transcript.text.done');
  });

  /** Where one of the two speaks longest, as a WAV file. */
  async function clipOf(speaker: string): Promise<Buffer<ArrayBuffer>> {
    const [longest] = (await referenceTurns())
      .filter((turn) => turn.speaker === speaker)
      .toSorted((a, b) => b.end - b.start - (a.end - a.start));
    const [from, to] = [longest?.start ?? 0, longest?.end ?? 0].map((seconds) => 44 + 2 * Math.round(16_000 * seconds));
    const wav = await readFile(shared('audio/diarization/sample.wav'));
    const samples = new Int16Array(wav.buffer.slice(wav.byteOffset + (from ?? 0), wav.byteOffset + (to ?? 0)));
    return wavOf(Float32Array.from(samples, (value) => value / 32_768));
  }

  it('A11: voices of reference clips are called by their names', async () => {
    const reference = await referenceTurns();
    const names = [...new Set(reference.map(({ speaker }) => speaker))];
    const clips = await Promise.all(
      names.map(async (name) => `data:audio/wav;base64,${(await clipOf(name)).toString('base64')}`),
    );
    const heard = await json<Turns>(
      await diarize({ 'known_speaker_names[]': names, 'known_speaker_references[]': clips }),
    );
    expect(new Set(heard.speakers.map(({ speaker }) => speaker))).toEqual(new Set(names));
    for (const { known, confidence } of heard.speakers) expect([known, (confidence ?? 0) > 0.5]).toEqual([true, true]);
    expect(diarizationErrorRate(countDiarizationErrors(reference, heard.segments))).toBeLessThan(0.1);
    for (const { start, end, speaker } of heard.segments.filter((turn) => turn.end - turn.start > 1)) {
      const middle = (start + end) / 2;
      const real = reference.filter((turn) => turn.start <= middle && middle <= turn.end);
      if (real.length === 1) expect(speaker).toBe(real[0]?.speaker);
    }
  });

  it('calls enrolled voices by their names, and those who are not enrolled by letters', async () => {
    const reference = await referenceTurns();
    const first = reference[0]?.speaker ?? '';
    const clip = new File([await clipOf(first)], 'first.wav');
    const enrolled = await api.fetch('/v1/speakers', {
      method: 'POST',
      body: toForm({ name: 'Jane Doe', consent: 'true', model: MODEL, file: clip }),
    });
    expect(enrolled.status).toBe(201);
    const heard = await json<Turns>(await diarize({ 'known_speaker_names[]': ['Jane Doe'] }));
    expect(heard.speakers.map(({ speaker, known }) => [speaker, known])).toEqual([
      ['Jane Doe', true],
      ['A', false],
    ]);
    const unknown = await diarize({ 'known_speaker_names[]': ['John Doe'] });
    expect(await errorOf(unknown)).toMatchObject({ status: 400, param: 'known_speaker_names' });
    const rttm = await (await diarize({ 'known_speaker_names[]': ['Jane Doe'], response_format: 'rttm' })).text();
    expect(rttm).toContain(' Jane_Doe ');
  });

  it('verbose_json, srt and vtt of a transcription say who speaks with diarize=true, and not without', async () => {
    const values = {
      file: call,
      model: SPEECH_MODEL,
      response_format: 'verbose_json',
      'timestamp_granularities[]': ['word', 'segment'],
    };
    type Verbose = z.infer<typeof transcriptionVerboseJson>;
    const plain = await json<Verbose>(await api.transcribe(values));
    const spoken = await json<Verbose>(await api.transcribe({ ...values, diarize: 'true', diarization_model: MODEL }));
    expect(spoken.text).toBe(plain.text);
    expect(plain.words?.some(({ speaker }) => speaker !== undefined)).toBe(false);
    expect(spoken.words?.every(({ speaker }) => speaker === 'A' || speaker === 'B')).toBe(true);
    expect(spoken.segments?.every(({ speaker }) => speaker === 'A' || speaker === 'B')).toBe(true);
    expect(spoken.speakers?.map(({ speaker }) => speaker)).toEqual(['A', 'B']);
    const vtt = await api.transcribe({
      file: call,
      model: SPEECH_MODEL,
      response_format: 'vtt',
      diarize: 'true',
      diarization_model: MODEL,
    });
    expect(await vtt.text()).toMatch(/<v [AB]>/);
  });

  it('is a job, with its stages, an RTTM file and the result in another format', async () => {
    const response = await diarize({ background: 'true', diarization_mode: 'fast' });
    expect(response.status).toBe(202);
    const { id } = await json<Job>(response);
    const done = await eventually(async () => {
      const job = await json<Job>(await api.fetch(`/v1/jobs/${id}`));
      expect(job.status).toBe('succeeded');
      return job;
    });
    expect(done.task).toBe('diarization');
    expect(done.artifacts.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['result.json', 'speakers.rttm', 'manifest.json']),
    );
    const events = await (await api.fetch(`/v1/jobs/${id}/events`)).text();
    for (const stage of ['segmentation', 'embedding', 'clustering']) expect(events).toContain(`"stage":"${stage}"`);
    const rttm = await (await api.fetch(`/v1/jobs/${id}/result?response_format=rttm`)).text();
    expect(parseRttm(rttm).length).toBeGreaterThan(3);
    expect(await errorOf(await api.fetch(`/v1/jobs/${id}/result?response_format=diarized_json`))).toMatchObject({
      status: 400,
      param: 'response_format',
    });
  });

  it('a transcription with speakers is a job with both stages, and both models are in its manifest', async () => {
    const response = await api.transcribe({
      file: call,
      model: SPEECH_MODEL,
      diarize: 'true',
      diarization_model: MODEL,
      background: 'true',
    });
    const { id } = await json<Job>(response);
    await eventually(async () => {
      expect((await json<Job>(await api.fetch(`/v1/jobs/${id}`))).status).toBe('succeeded');
    });
    const manifest = await json<{ further_models: { id: string }[]; stages: { name: string }[] }>(
      await api.fetch(`/v1/jobs/${id}/artifacts/manifest.json`),
    );
    expect(manifest.further_models.map((model) => model.id)).toEqual([MODEL]);
    expect(manifest.stages.map(({ name }) => name)).toEqual([
      'transcription',
      'segmentation',
      'embedding',
      'clustering',
    ]);
    const result = await api.fetch(`/v1/jobs/${id}/result?response_format=diarized_json`);
    expect((await json<z.infer<typeof transcriptionDiarizedJson>>(result)).segments.length).toBeGreaterThan(2);
  });
});
