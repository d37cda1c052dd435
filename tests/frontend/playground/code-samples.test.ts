/** What the samples do when they are run is what the form does: curl's arguments are read back by a shell. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { codeSample } from '../../../frontend/src/features/playground/code-samples.ts';
import { DEFAULT_OPTIONS, mayBeLive, requestOf } from '../../../frontend/src/features/playground/request.ts';

const request = requestOf('transcribe', 'whisper-small', {
  ...DEFAULT_OPTIONS,
  prompt: `it's "quoted"; $HOME \\ and\nmore`,
  diarize: true,
});
const sample = { ...request, origin: 'https://gateway.example:8443', fileName: `my 'best' take.wav` };

test('a request has what was chosen, and leaves the rest to the server', () => {
  expect(requestOf('separate', 'htdemucs', { ...DEFAULT_OPTIONS, stems: ['vocals', 'drums'], output: 'flac' })).toEqual(
    {
      path: '/v1/audio/separations',
      fields: [
        ['model', 'htdemucs'],
        ['stems[]', 'vocals'],
        ['stems[]', 'drums'],
        ['output_format', 'flac'],
      ],
    },
  );
  // OpenAI's translations know neither a language nor word times.
  const translation = requestOf('translate', 'whisper-small', { ...DEFAULT_OPTIONS, language: 'de', diarize: true });
  expect(translation.fields).toEqual([
    ['model', 'whisper-small'],
    ['response_format', 'verbose_json'],
  ]);
  expect(requestOf('diarize', 'pyannote-3.1', { ...DEFAULT_OPTIONS, speakers: '2' }).fields).toContainEqual([
    'num_speakers',
    '2',
  ]);
  expect(requestOf('all', 'whisper-small', DEFAULT_OPTIONS).path).toBe('/v1/audio/pipelines');
});

test('only what needs none of the audio behind is answered as it is heard', () => {
  expect(mayBeLive('transcribe', DEFAULT_OPTIONS)).toBe(true);
  expect(mayBeLive('transcribe', { ...DEFAULT_OPTIONS, diarize: true })).toBe(false);
  expect(mayBeLive('transcribe', { ...DEFAULT_OPTIONS, separateVocals: true })).toBe(false);
  for (const task of ['translate', 'diarize', 'separate', 'all'] as const) {
    expect(mayBeLive(task, DEFAULT_OPTIONS)).toBe(false);
  }
});

test('curl gets every field unchanged through a shell, and the key from the environment', () => {
  const script = codeSample('curl', sample).replace(/^curl/, `printf '%s\\0'`);
  const output = execFileSync('sh', ['-c', script], { env: { PATH: process.env.PATH, API_KEY: 'sk-test' } });
  const [url, ...given] = output.toString().split('\0').slice(0, -1);
  expect(url).toBe('https://gateway.example:8443/v1/audio/transcriptions');
  expect(given).toEqual([
    ...['-H', 'Authorization: Bearer sk-test', '-H', 'Prefer: respond-async', '-F', `file=@"my 'best' take.wav"`],
    ...request.fields.flatMap(([name, value]) => ['--form-string', `${name}=${value}`]),
  ]);
});

test('the Node sample is a program that sends the same form', async () => {
  const code = codeSample('node', sample).replace(/^import .*$/gm, '');
  const run = new Function('openAsBlob', 'fetch', 'process', 'console', `return (async () => {${code}})()`);
  const sent: [string, RequestInit | undefined][] = [];
  const answer = (body: object) => new Response(JSON.stringify(body));
  await run(
    async () => new Blob(['audio']),
    async (url: string, init?: RequestInit) => {
      sent.push([url, init]);
      return answer({ id: 'job_1', status: 'succeeded' });
    },
    { env: { API_KEY: 'sk-test' } },
    { log: () => {} },
  );
  const [url, init] = sent[0] ?? [];
  expect(url).toBe('https://gateway.example:8443/v1/audio/transcriptions');
  expect(init?.headers).toEqual({ authorization: 'Bearer sk-test', prefer: 'respond-async' });
  if (!(init?.body instanceof FormData)) throw new Error('no form was sent');
  const [file, ...fields] = [...init.body];
  expect(file).toEqual(['file', expect.objectContaining({ name: sample.fileName })]);
  expect(fields.map(([name, value]) => [name, String(value).replaceAll('\r\n', '\n')])).toEqual(request.fields);
  expect(sent.at(-1)?.[0]).toBe('https://gateway.example:8443/v1/jobs/job_1/result');
});

test('the Python sample names the same fields, as literals that Python reads', () => {
  const code = codeSample('python', sample);
  for (const [name, value] of request.fields)
    expect(code).toContain(`(${JSON.stringify(name)}, ${JSON.stringify(value)})`);
  expect(code).toContain(`f"Bearer {os.environ['API_KEY']}"`);
});

test('no sample holds a key', () => {
  for (const language of ['curl', 'python', 'node'] as const)
    expect(codeSample(language, sample)).not.toMatch(/sk-|agw-/);
});
