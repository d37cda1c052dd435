import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ffmpeg, sine } from '../audio/media.ts';
import { PROJECT_ROOT } from '../support/shared.ts';
import { tempDir } from '../support/temp-dir.ts';
import { wavOf } from '../support/wav.ts';
import { readManifest } from './eval/manifest.ts';
import { parseStm } from './eval/parse-stm.ts';

interface Heard {
  path: string | undefined;
  authorization: string | undefined;
  /** Fields of the form, all but the file's. */
  fields: Record<string, string>;
  file: string;
}

type Answer =
  | string
  | { status: number; code: string }
  | { rttm: string; diarized: object }
  /** Stem → the file that is made of it. */
  | { stems: Record<string, string> };

/**
 * A server that knows the answers: file name → text, what diarizing models say, or the error it refuses the file with. It
 * answers nobody before `together` requests have been with it at once.
 */
async function fakeServer(answers: Record<string, Answer>, together = 1) {
  const heard: Heard[] = [];
  const state = { atOnce: 0, mostAtOnce: 0 };
  const gathered = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    state.atOnce += 1;
    state.mostAtOnce = Math.max(state.mostAtOnce, state.atOnce);
    if (request.method === 'GET') {
      response.end(await readFile(decodeURIComponent(request.url ?? '')));
      return;
    }
    if (state.atOnce >= together) gathered.resolve();
    const body = await buffer(request);
    const headers = { 'content-type': request.headers['content-type'] ?? '' };
    const form = await new Response(new Uint8Array(body), { headers }).formData();
    const file = form.get('file');
    const name = file instanceof File ? file.name : '';
    heard.push({
      path: request.url,
      authorization: request.headers.authorization,
      fields: Object.fromEntries(
        [...form].flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : [])),
      ),
      file: name,
    });
    const answer = answers[name];
    await gathered.promise;
    state.atOnce -= 1;
    response.setHeader('content-type', 'application/json');
    if (typeof answer === 'string') {
      response.end(JSON.stringify({ text: answer, usage: { type: 'duration', seconds: 1 } }));
    } else if (answer !== undefined && 'rttm' in answer && form.get('response_format') === 'rttm') {
      response.setHeader('content-type', 'text/plain');
      response.end(answer.rttm);
    } else if (answer !== undefined && 'stems' in answer) {
      const stems = Object.entries(answer.stems).map(([stem, path]) => ({ stem, url: path }));
      response.end(JSON.stringify({ duration: 1, stems }));
    } else if (answer !== undefined && 'rttm' in answer && form.get('response_format') === 'diarized_json') {
      response.end(JSON.stringify(answer.diarized));
    } else if (answer !== undefined && 'rttm' in answer) {
      response.end(JSON.stringify({ text: 'hello' }));
    } else {
      response.statusCode = answer?.status ?? 404;
      response.end(JSON.stringify({ error: { message: 'refused here', type: 'x', param: null, code: answer?.code } }));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, heard, state };
}

async function runEval(args: string[], env: Record<string, string> = {}) {
  const main = join(PROJECT_ROOT, 'tests/tools/eval/main.ts');
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const { PATH = '' } = process.env;
    const child = execFile(process.execPath, [main, ...args], { env: { PATH, ...env } }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

async function folderWith(lines: (string | object)[]): Promise<string> {
  const dir = await tempDir();
  await mkdir(join(dir, 'clips'));
  await Promise.all(
    ['one.wav', 'two.wav', 'three.wav'].map((name, i) => ffmpeg(...sine(i + 1, 16_000), join(dir, 'clips', name))),
  );
  const manifest = join(dir, 'manifest.jsonl');
  await writeFile(manifest, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  return manifest;
}

const CLIPS = [
  { audio: 'clips/one.wav', text: 'Hello, world.', language: 'en' },
  '',
  { audio: 'clips/two.wav', text: 'one two three four five six seven eight' },
  { audio: 'clips/three.wav', text: '今日は世界', language: 'ja' },
];
const ANSWERS = {
  'one.wav': ' hello world',
  'two.wav': 'one three four FIVE six seven, ate nine',
  'three.wav': '今日は、世田界',
};

/** Two who speak in turn for 5 s each and both for the last second, as a reference and as it is heard. */
const RTTM = `SPEAKER talk 1 0.000 5.000 <NA> <NA> Ann <NA> <NA>
SPEAKER talk 1 5.000 5.000 <NA> <NA> Bob <NA> <NA>
SPEAKER talk 1 9.000 1.000 <NA> <NA> Ann <NA> <NA>
SPEAKER other 1 0.000 9.000 <NA> <NA> Ann <NA> <NA>
`;
const HEARD_RTTM = `SPEAKER two 1 0.500 5.000 <NA> <NA> SPEAKER_00 <NA> <NA>
SPEAKER two 1 5.500 5.500 <NA> <NA> SPEAKER_01 <NA> <NA>
`;
const STM = ';; two\ntwo 1 Bob 5 9 <o,f0> And good evening\ntwo 1 Ann 0 5 Good morning!\ntwo 1 Ann 9 10 bye\n';
const HEARD_SEGMENTS = [
  { id: 'seg_0', start: 0.5, end: 5, speaker: 'A', text: ' good morning,' },
  { id: 'seg_2', start: 9, end: 10, speaker: 'A', text: ' by' },
  { id: 'seg_1', start: 5, end: 9, speaker: 'B', text: ' and good evening to' },
];
const SPEAKERS = {
  rttm: HEARD_RTTM,
  diarized: { task: 'transcribe', duration: 2, text: '', segments: HEARD_SEGMENTS },
};

/** A manifest about `two.wav` that names `talk.rttm` and `two.stm`, which lie beside it. */
async function folderOfSpeakers(lines: (string | object)[], rttm = RTTM.replaceAll('talk', 'two')): Promise<string> {
  const manifest = await folderWith(lines);
  await writeFile(join(manifest, '../talk.rttm'), rttm);
  await writeFile(join(manifest, '../two.stm'), STM);
  return manifest;
}

const lastLine = (stdout: string) => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;

describe('npm run eval', () => {
  it('sends every clip, counts words or characters, and ends with one line of JSON', async () => {
    const server = await fakeServer(ANSWERS, 2);
    const manifest = await folderWith(CLIPS);
    const { code, stdout, stderr } = await runEval(
      ['--manifest', manifest, '--url', server.url, '--model', 'echo', '--json', '--concurrency', '2'],
      { OPENAI_API_KEY: 'sk-test' },
    );

    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(lastLine(stdout)).toMatchObject({
      name: 'eval',
      pass: true,
      figures: {
        wer: 0.3,
        cer: 0.2,
        normalizer: 'basic',
        substitutions: 1,
        insertions: 2,
        deletions: 1,
        clips: 3,
        failed: 0,
        audioSeconds: 6,
      },
    });
    expect(stdout).toMatch(/clips\/two\.wav +2\.0 +37\.5 % +word +1 +1 +1 /);
    expect(server.heard).toHaveLength(3);
    expect(server.heard).toContainEqual({
      path: '/v1/audio/transcriptions',
      authorization: 'Bearer sk-test',
      fields: { model: 'echo', response_format: 'json', language: 'ja' },
      file: 'three.wav',
    });
    expect(server.heard.find(({ file }) => file === 'two.wav')?.fields).not.toHaveProperty('language');
    expect(server.state.mostAtOnce).toBe(2);
  });

  it.each([
    ['basic', { wer: 0.8, cer: 0.5, normalizer: 'basic' }],
    ['whisper', { wer: 0.125, cer: 0, normalizer: 'whisper-basic, whisper-english' }],
  ])('counts under the normaliser it is told, and names it: %s', async (normalizer, figures) => {
    const server = await fakeServer({
      'one.wav': "Mr. Brown won't pay $25, um.",
      'two.wav': 'Größe [Musik] 25',
      'three.wav': '(ガ)がガ',
    });
    const manifest = await folderWith([
      { audio: 'clips/one.wav', text: 'mister brown will not pay twenty-five dollars', language: 'english' },
      { audio: 'clips/two.wav', text: 'größe zwanzig' },
      { audio: 'clips/three.wav', text: 'が ガ', language: 'ja' },
    ]);
    const { code, stdout } = await runEval([
      ...['--manifest', manifest, '--url', server.url, '--json', '--normalizer', normalizer],
    ]);
    expect(code).toBe(0);
    expect(lastLine(stdout)).toMatchObject({ figures });
  });

  it('fails above --max-wer, and takes only the clips it is limited to', async () => {
    const server = await fakeServer(ANSWERS);
    const manifest = await folderWith(CLIPS);
    const common = ['--manifest', manifest, '--url', server.url, '--json', '--limit', '2'];
    const strict = await runEval([...common, '--max-wer', '0.29']);
    expect(strict.code).toBe(1);
    expect(lastLine(strict.stdout)).toMatchObject({ pass: false, figures: { clips: 2, wer: 0.3 } });
    expect((await runEval([...common, '--max-wer', '0.3'])).code).toBe(0);
    expect(server.heard.every(({ fields, authorization }) => fields.model === 'whisper-1' && !authorization)).toBe(
      true,
    );
  });

  it('fails when a clip fails, says why, and still does the others', async () => {
    const server = await fakeServer({ ...ANSWERS, 'one.wav': { status: 400, code: 'unsupported_audio' } });
    const { code, stdout } = await runEval(['--manifest', await folderWith(CLIPS), '--url', server.url]);
    expect(code).toBe(1);
    expect(stdout).toContain('FAILED: HTTP 400 unsupported_audio: refused here');
    expect(stdout).toMatch(/failed +1/);
    expect(server.heard).toHaveLength(3);
    expect(stdout.trim().endsWith('eval: FAIL')).toBe(true);
  });

  it('says when nobody answers', async () => {
    const args = ['--manifest', await folderWith(CLIPS), '--url', 'http://127.0.0.1:1/v1', '--limit', '1'];
    const { code, stdout } = await runEval(args);
    expect(code).toBe(1);
    expect(stdout).toContain('http://127.0.0.1:1/v1 cannot be reached');
  });

  it.each([
    ['{"audio": "clips/one.wav", "text": "a"}\n\n{"audio": ', /manifest\.jsonl line 3: not JSON/],
    ['{"audio": "clips/one.wav"}', /line 1: text: .*Expected \{"audio"/],
    ['"text"', /line 1: the line: /],
    ['{"audio": "clips/none.wav", "text": "a"}', /line 1: there is no audio file .*none\.wav/],
    ['\n\n', /names no clips/],
  ])('names the line of a bad manifest: %j', async (text, message) => {
    const { code, stderr } = await runEval(['--manifest', await folderWith([text]), '--url', 'http://127.0.0.1:1/v1']);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it.each([
    [[], /--manifest is required[\s\S]*Usage/],
    [['--manifest', 'nowhere.jsonl'], /manifest cannot be read/],
    [['--manfest', 'x'], /Unknown option '--manfest'/],
    [['--manifest', 'x', '--normalizer', 'none'], /--normalizer must be basic or whisper, not 'none'/],
    [['--manifest', 'x', '--limit', 'few'], /--limit must be a whole number/],
  ])('explains wrong usage: %j', async (args, message) => {
    const { code, stderr } = await runEval(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('explains itself', async () => {
    const { code, stdout } = await runEval(['--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('--max-wer');
  });
});

describe('npm run eval of who speaks', () => {
  it('takes every measure a line has a reference for, and asks each with its own model', async () => {
    const server = await fakeServer({ 'one.wav': SPEAKERS, 'two.wav': SPEAKERS });
    const manifest = await folderOfSpeakers([
      { audio: 'clips/two.wav', rttm: 'talk.rttm', stm: 'two.stm', num_speakers: 2, max_speakers: 4, language: 'en' },
      {
        audio: 'clips/one.wav',
        text: 'hello you',
        text_by_speaker: { Ann: 'Good morning. By!', Bob: 'And good evening to' },
      },
    ]);
    const { code, stdout, stderr } = await runEval([
      ...['--manifest', manifest, '--url', server.url, '--json', '--model', 'listener'],
      ...['--diarization-model', 'pyannote', '--diarization-mode', 'fast'],
    ]);

    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(lastLine(stdout)).toMatchObject({
      pass: true,
      figures: {
        der: 0.2727,
        miss: 0.1364,
        falseAlarm: 0.0909,
        confusion: 0.0455,
        collar: 0,
        skipOverlap: 'false',
        wer: 0.5,
        cpwer: 0.1538,
        normalizer: 'basic',
        clips: 2,
        failed: 0,
        audioSeconds: 6,
      },
    });
    expect(stdout).toMatch(/clips\/two\.wav +2\.0 +27\.3 % +13\.6 % +9\.1 % +4\.5 % +11\.0 +2 of 2 /);
    expect(stdout).toMatch(/clips\/two\.wav +2\.0 +33\.3 % +word +1 +1 +0 +2 of 2 /);
    expect(stdout).toMatch(/clips\/one\.wav +1\.0 +50\.0 % +word +0 +0 +1 /);
    expect(server.heard.map(({ path, file, fields }) => [path, file, fields])).toEqual([
      [
        '/v1/audio/diarizations',
        'two.wav',
        { model: 'pyannote', response_format: 'rttm', mode: 'fast', num_speakers: '2', max_speakers: '4' },
      ],
      [
        '/v1/audio/transcriptions',
        'two.wav',
        { model: 'listener', response_format: 'diarized_json', chunking_strategy: 'auto', language: 'en' },
      ],
      ['/v1/audio/transcriptions', 'one.wav', { model: 'listener', response_format: 'json' }],
      [
        '/v1/audio/transcriptions',
        'one.wav',
        { model: 'listener', response_format: 'diarized_json', chunking_strategy: 'auto' },
      ],
    ]);
  });

  it('leaves unscored what it is told to, and fails above --max-der', async () => {
    const server = await fakeServer({ 'two.wav': SPEAKERS });
    const manifest = await folderOfSpeakers([{ audio: 'clips/two.wav', rttm: 'talk.rttm' }]);
    const args = ['--manifest', manifest, '--url', server.url, '--json', '--model', 'pyannote', '--collar', '0.25'];
    const { code, stdout } = await runEval([...args, '--skip-overlap', '--max-der', '0.1']);
    // Of 0.25 to 4.75, 5.25 to 8.75 and 10.25 to 11: 0.25 s missed, 0.25 s confused, 0.75 s made up.
    expect(code).toBe(1);
    expect(lastLine(stdout)).toMatchObject({
      pass: false,
      figures: {
        der: 0.1563,
        miss: 0.0313,
        falseAlarm: 0.0938,
        confusion: 0.0313,
        collar: 0.25,
        skipOverlap: 'true',
        maxDer: 0.1,
      },
    });
    expect(server.heard[0]?.fields).toEqual({ model: 'pyannote', response_format: 'rttm' });
  });

  it('says what is wrong with an answer, and still takes the other measure', async () => {
    const server = await fakeServer({ 'two.wav': { ...SPEAKERS, rttm: '{"turns": []}' } });
    const manifest = await folderOfSpeakers([{ audio: 'clips/two.wav', rttm: 'talk.rttm', stm: 'two.stm' }]);
    const { code, stdout } = await runEval([
      '--manifest',
      manifest,
      '--url',
      server.url,
      '--json',
      '--max-cpwer',
      '0.3',
    ]);
    expect(code).toBe(1);
    expect(stdout).toContain(`FAILED: RTTM line 1: '{"turns":' is not a type of RTTM`);
    expect(lastLine(stdout)).toMatchObject({ figures: { cpwer: 0.3333, maxCpwer: 0.3, failed: 1, clips: 1 } });
    expect(lastLine(stdout).figures).not.toHaveProperty('der');
  });

  const AUDIO = { audio: 'clips/two.wav' };
  it.each<[string, object, string, RegExp]>([
    [
      'a bad reference',
      { rttm: 'talk.rttm' },
      'SPEAKER two 1 0 1\n',
      /line 1: .*talk\.rttm: RTTM line 1: 8 to 10 fields/,
    ],
    ['none', { rttm: 'none.rttm' }, RTTM, /line 1: .*none\.rttm: ENOENT/],
    ['one about others', { rttm: 'talk.rttm' }, RTTM, /line 1: the reference is about several recordings, none 'two'/],
    ['two that say the same', { stm: 'two.stm', text_by_speaker: { A: 'x' } }, RTTM, /line 1: stm: says the same as/],
    ['nobody', { rttm: 'talk.rttm', num_speakers: 0 }, RTTM, /line 1: num_speakers: /],
  ])('names the line of a manifest with %s', async (_, line, rttm, message) => {
    await expect(readManifest(await folderOfSpeakers([{ ...AUDIO, ...line }], rttm))).rejects.toThrow(message);
  });
});

describe('npm run eval of what a mixture is made of', () => {
  /** A low and a high tone of 2 s, their sum, and the low one with a hundredth of the high one's power. */
  async function mixtureFolder(lines: object[]) {
    const dir = await tempDir();
    const write = (name: string, low: number, high: number) =>
      writeFile(
        join(dir, name),
        wavOf(
          Float32Array.from(
            { length: 32_000 },
            (_, i) => low * 0.25 * Math.sin(i / 20) + high * 0.25 * Math.sin(i / 4),
          ),
        ),
      );
    await write('mix.wav', 1, 1);
    await write('low.wav', 1, 0);
    await write('high.wav', 0, 1);
    await write('almost-low.wav', 1, 0.1);
    await write('silence.wav', 0, 0);
    const manifest = join(dir, 'manifest.jsonl');
    await writeFile(manifest, lines.map((line) => JSON.stringify(line)).join('\n'));
    return { dir, manifest };
  }
  const LINE = { mixture: 'mix.wav', sources: { vocals: 'low.wav', drums: 'high.wav' } };

  it('tells how close each source comes, and how much closer than the mixture', async () => {
    const { dir, manifest } = await mixtureFolder([LINE]);
    const stems = { drums: join(dir, 'mix.wav'), vocals: join(dir, 'almost-low.wav') };
    const server = await fakeServer({ 'mix.wav': { stems } });
    const args = ['--manifest', manifest, '--url', server.url, '--json', '--separation-model', 'splitter'];
    const { code, stdout, stderr } = await runEval(args, { OPENAI_API_KEY: 'sk-test' });

    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { figures } = lastLine(stdout) as { figures: Record<string, number> };
    for (const score of ['siSdr', 'siSdrImprovement', 'sdr', 'sdrImprovement']) {
      expect(figures[`vocals ${score}`]).toBeCloseTo(20, 0);
      expect(figures[`drums ${score}`]).toBeCloseTo(0, 0);
    }
    expect(figures).toMatchObject({ clips: 1, failed: 0, audioSeconds: 2 });
    expect(figures).not.toHaveProperty('normalizer');
    expect(stdout).toMatch(/mix\.wav +2\.0 +vocals +(20|19)\.\d+ /);
    expect(server.heard[0]).toMatchObject({
      path: '/v1/audio/separations',
      authorization: 'Bearer sk-test',
      fields: { model: 'splitter', output_format: 'wav_float', background: 'false' },
    });

    expect((await runEval([...args, '--min-si-sdri=-1'])).code).toBe(0);
    const strict = await runEval([...args, '--min-si-sdri', '10']);
    expect(strict.code).toBe(1);
    expect(lastLine(strict.stdout)).toMatchObject({ pass: false, figures: { minSiSdrImprovement: 10 } });
  });

  it('leaves a silent source out of the means, and says when a stem is missing', async () => {
    const silent = { mixture: 'mix.wav', sources: { vocals: 'silence.wav' } };
    const { dir, manifest } = await mixtureFolder([{ ...LINE, sources: { vocals: 'low.wav' } }, silent, LINE]);
    const server = await fakeServer({ 'mix.wav': { stems: { vocals: join(dir, 'almost-low.wav') } } });
    const { code, stdout } = await runEval(['--manifest', manifest, '--url', server.url, '--json']);
    expect(code).toBe(1);
    expect(stdout).toContain('FAILED: the answer has no drums');
    const { figures } = lastLine(stdout) as { figures: Record<string, number> };
    expect(figures['vocals sdr']).toBeCloseTo(20, 0);
    expect(figures).toMatchObject({ failed: 1 });
  });

  it.each<[object, RegExp]>([
    [{ mixture: 'mix.wav' }, /line 1: sources: mixture and sources go together/],
    [{ audio: 'mix.wav', sources: LINE.sources }, /line 1: sources: mixture and sources go together/],
    [{ ...LINE, audio: 'mix.wav' }, /line 1: audio: either audio or mixture/],
    [{ mixture: 'mix.wav', sources: {} }, /line 1: sources: names no source/],
    [{ mixture: 'mix.wav', sources: { vocals: 'none.wav' } }, /line 1: there is no audio file .*none\.wav/],
  ])('names the line of a bad manifest: %j', async (line, message) => {
    await expect(readManifest((await mixtureFolder([line])).manifest)).rejects.toThrow(message);
  });
});

describe('parseStm', () => {
  it.each([
    ['a 1 Ann 0', 'STM line 2: 5 fields'],
    ['a 1 Ann 2 1 hello', "STM line 2: '2' to '1' is not a span"],
    ['a 1 Ann zero 1 hello', "STM line 2: 'zero' to '1' is not a span"],
    ['a 1 Ann 0 1 IGNORE_TIME_SEGMENT_IN_SCORING', 'STM line 2: times to ignore are not supported'],
  ])('names the line of %j', (line, message) => {
    expect(() => parseStm(`;; c\n${line}`)).toThrow(message);
  });

  it('takes a line without text or with a label', () => {
    expect(
      parseStm('a 1 Ann 0 1\n  a 1 Bob 1 2.5 <o,f0,male>  so  he said. \r\n').map((it) => [
        it.speaker,
        it.end,
        it.text,
      ]),
    ).toEqual([
      ['Ann', 1, ''],
      ['Bob', 2.5, 'so  he said.'],
    ]);
  });
});
