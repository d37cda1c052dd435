/** B1, B2, B5: requests as real clients put them on the wire, replayed byte for byte. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithShared, hasShared, shared } from '../support/shared.ts';
import {
  type CapturedRequest,
  encodeCapture,
  exchange,
  makeRequest,
  parseCaptures,
  type RawResponse,
  type Replacements,
  type Splitting,
} from '../support/wire-replay.ts';
import { type Api, startApi, USER_KEY } from './start-api.ts';

const MODEL = 'zipformer-gigaspeech-3.3m';

/** Python's text fields stand before the file, Node's after it; the title says which case a capture is. */
const CASES: Record<string, string> = { 'n7-readstream': 'B1', 'py-openks': 'B2', 'requests-owui': 'B5' };

/** What this version refuses by design, checked before the model and the audio. */
const REFUSED: Record<string, string> = {
  // They ask for granularities without verbose_json, which the official server refuses too.
  'n7-readstream': 'timestamp_granularities',
  'n7-tofile': 'timestamp_granularities',
  'py-openks': 'timestamp_granularities',
  curl: 'timestamp_granularities',
};

const SPLITTINGS: [title: string, Splitting][] = [
  ['in one piece', 'whole'],
  ['cut inside its boundaries', 'inside-boundaries'],
  ['in pieces of 4093 bytes', { every: 4093 }],
];

const captures: CapturedRequest[] = hasShared
  ? readdirSync(shared('wire'))
      .sort()
      .flatMap((file) => parseCaptures(readFileSync(shared('wire', file))))
  : [];
const cases = captures.map((capture): [string, CapturedRequest] => [
  [CASES[capture.name], capture.name].filter((word) => word !== undefined).join(' '),
  capture,
]);

describeWithShared('captured requests', () => {
  let api: Api;
  let audio: Buffer;

  beforeAll(async () => {
    api = await startApi({ withHub: true, env: { MODEL_ALIASES: `whisper-1=${MODEL}` } });
    audio = readFileSync(shared('audio/speech/jfk.wav'));
  });
  afterAll(() => api.close());

  const replay = async (capture: CapturedRequest, replacements: Replacements, splitting: Splitting) => {
    const { responses } = await exchange(api.app.url, encodeCapture(capture, replacements, splitting));
    expect(responses, 'exactly one response').toHaveLength(1);
    const [response] = responses as [RawResponse];
    api.check({ method: 'POST', path: '/v1/audio/transcriptions', ...response }, response.body);
    return { status: response.status, body: JSON.parse(response.body) };
  };

  it('every file was understood', () => {
    expect(captures.map(({ name }) => name)).toEqual(expect.arrayContaining(['n7-readstream', 'py-openks', 'curl']));
    expect(captures.length).toBeGreaterThanOrEqual(9);
    expect(captures.some(({ chunked }) => chunked)).toBe(true);
  });

  it.each(cases)('%s as captured, with a stub for audio: one envelope', async (_title, capture) => {
    for (const splitting of ['whole', 'inside-boundaries', { every: 7 }] as const) {
      const { status, body } = await replay(capture, { key: USER_KEY }, splitting);
      expect([400, 404]).toContain(status);
      expect(body).toHaveProperty('error.type', 'invalid_request_error');
    }
  });

  it.each(cases.filter(([, { name }]) => REFUSED[name] !== undefined))(
    '%s with real audio and model: the refusal names the field',
    async (_title, capture) => {
      const { status, body } = await replay(capture, { key: USER_KEY, audio, fields: { model: MODEL } }, 'whole');
      expect(status).toBe(400);
      expect(body).toMatchObject({ error: { param: REFUSED[capture.name] } });
    },
  );

  describe.each(SPLITTINGS)('%s', (_title, splitting) => {
    it.each(cases)('%s with real audio and model: 200', async (_name, capture) => {
      // What this version refuses is replaced; everything else stays as the client wrote it.
      const asksForFormat = capture.parts.some(({ name }) => name === 'response_format');
      const fields = {
        model: MODEL,
        response_format: 'verbose_json',
        'include[]': null,
        ...(asksForFormat ? {} : { 'timestamp_granularities[]': null }),
      };
      const { status, body } = await replay(capture, { key: USER_KEY, audio, fields }, splitting);
      expect(body).not.toHaveProperty('error');
      expect(status).toBe(200);
      expect(body.text.toLowerCase()).toContain('what your country can do for you');
      if (asksForFormat) expect(body).toMatchObject({ words: expect.any(Array), segments: expect.any(Array) });
    });
  });

  it('B1 B2 file first and file last give the same result', async () => {
    const fields = { model: MODEL, response_format: 'verbose_json', 'include[]': null };
    const bodies = await Promise.all(
      captures
        .filter(({ name }) => name === 'n7-readstream' || name === 'py-openks')
        .map((capture) => replay(capture, { key: USER_KEY, audio, fields }, 'whole')),
    );
    expect(bodies).toHaveLength(2);
    expect(bodies[0]).toEqual(bodies[1]);
  });
});

describe('captures', () => {
  const made = makeRequest({
    parts: [
      { head: 'Content-Disposition: form-data; name="file"; filename="ä.wav"', body: 'RIFF' },
      { head: 'Content-Disposition: form-data; name="model"', body: 'whisper-1' },
    ],
    chunked: true,
  });

  it('are cut anywhere without changing a byte', () => {
    const joined = (splitting: Splitting) =>
      Buffer.concat(encodeCapture({ ...made, chunked: false }, { key: USER_KEY }, splitting)).toString('latin1');
    const whole = joined('whole');
    for (const every of [1, 2, 3, 64]) expect(joined({ every })).toBe(whole);
    expect(joined('inside-boundaries')).toBe(whole);
  });

  it('are parsed into what they were made of', () => {
    const request = { ...made, chunked: false };
    const lengths: [string, string][] = request.headers.map(([name, value]) =>
      name === 'Transfer-Encoding' ? ['Content-Length', '0'] : [name, value],
    );
    const bytes = Buffer.concat(encodeCapture({ ...request, headers: lengths }, { key: USER_KEY }, 'whole'));
    const twice = Buffer.concat([bytes, Buffer.from('\n=====\n'), bytes, Buffer.from('\n=====\n')]);
    const parsed = parseCaptures(twice);
    expect(parsed).toHaveLength(2);
    for (const { boundary, parts, epilogue } of parsed) {
      expect({ boundary, parts, epilogue }).toEqual({
        boundary: made.boundary,
        parts: made.parts,
        epilogue: made.epilogue,
      });
    }
  });
});
