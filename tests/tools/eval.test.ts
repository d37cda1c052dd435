import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ffmpeg, sine } from '../audio/media.ts';
import { PROJECT_ROOT } from '../support/shared.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Heard {
  authorization: string | undefined;
  model: string;
  language: string | null;
  file: string;
}

/**
 * A transcription server that knows the answers: file name → text, or the error it refuses the file with. It answers
 * nobody before `together` requests have been with it at once.
 */
async function fakeServer(answers: Record<string, string | { status: number; code: string }>, together = 1) {
  const heard: Heard[] = [];
  const state = { atOnce: 0, mostAtOnce: 0 };
  const gathered = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    state.atOnce += 1;
    state.mostAtOnce = Math.max(state.mostAtOnce, state.atOnce);
    if (state.atOnce >= together) gathered.resolve();
    const body = await buffer(request);
    const headers = { 'content-type': request.headers['content-type'] ?? '' };
    const form = await new Response(new Uint8Array(body), { headers }).formData();
    const file = form.get('file');
    const name = file instanceof File ? file.name : '';
    heard.push({
      authorization: request.headers.authorization,
      model: String(form.get('model')),
      language: form.get('language') === null ? null : String(form.get('language')),
      file: name,
    });
    const answer = answers[name];
    await gathered.promise;
    state.atOnce -= 1;
    response.setHeader('content-type', 'application/json');
    if (typeof answer === 'string') {
      response.end(JSON.stringify({ text: answer, usage: { type: 'duration', seconds: 1 } }));
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
      authorization: 'Bearer sk-test',
      model: 'echo',
      language: 'ja',
      file: 'three.wav',
    });
    expect(server.heard.find(({ file }) => file === 'two.wav')?.language).toBeNull();
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
    expect(server.heard.every(({ model, authorization }) => model === 'whisper-1' && !authorization)).toBe(true);
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
