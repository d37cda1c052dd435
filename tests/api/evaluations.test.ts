/** Evaluations over HTTP: figures that can be counted by hand, of texts, speakers and sounds. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evaluation } from '../../backend/src/contract/evaluations.ts';
import type { Job } from '../../backend/src/contract/jobs.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { wavOf } from '../support/wav.ts';
import { type Api, errorOf, eventually, json, startApi } from './start-api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const post = (body: object, init: RequestInit = {}) =>
  api.fetch('/v1/evaluations', { method: 'POST', body: JSON.stringify(body), ...init });

async function evaluate<K extends Evaluation['kind']>(body: Record<string, unknown> & { kind: K }) {
  const response = await post(body);
  expect(response.status).toBe(200);
  return json<Extract<Evaluation, { kind: K }>>(response);
}

async function doneJob(values: { file?: File; prompt?: string }): Promise<string> {
  const { id } = await json<Job>(await api.transcribe({ ...values, background: 'true' }));
  await eventually(async () =>
    expect(await json(await api.fetch(`/v1/jobs/${id}`))).toMatchObject({ status: 'succeeded' }),
  );
  return id;
}

const wav = (name: string, sample: (i: number) => number) =>
  new File([wavOf(Float32Array.from({ length: 16_000 }, (_, i) => sample(i)))], name);

describe('of texts', () => {
  it('has error rates and what differs, for both hypotheses', async () => {
    const id = await doneJob({ file: wav('said.wav', (i) => 0.1 * Math.sin(i)), prompt: 'say:hello say:,_world' });
    const found = await evaluate({
      kind: 'text',
      reference: 'Hello, big world!',
      hypotheses: [{ label: 'A', text: 'hello pig world again' }, { job_id: id }],
    });
    expect(found).toMatchObject({ object: 'evaluation', normalizer: 'basic', unit: 'word' });
    const [first, second] = found.results;
    expect(first).toEqual({
      label: 'A',
      wer: { rate: 2 / 3, substitutions: 1, deletions: 0, insertions: 1, reference: 3 },
      cer: { rate: 6 / 13, substitutions: 1, deletions: 0, insertions: 5, reference: 13 },
      diff: [
        { op: 'equal', reference: 'HELLO', hypothesis: 'HELLO' },
        { op: 'substitution', reference: 'BIG', hypothesis: 'PIG' },
        { op: 'equal', reference: 'WORLD', hypothesis: 'WORLD' },
        { op: 'insertion', reference: null, hypothesis: 'AGAIN' },
      ],
    });
    // `_` separates words.
    expect(second).toMatchObject({ label: null, wer: { deletions: 1, substitutions: 0, insertions: 0 } });
  });

  it('is under the normaliser that is named, in words or characters', async () => {
    const body = {
      kind: 'text',
      reference: "It's 21 colours",
      hypotheses: [{ text: 'it is twenty-one colors' }],
    } as const;
    expect((await evaluate({ ...body, normalizer: 'english' })).results[0]?.wer.rate).toBe(0);
    expect((await evaluate(body)).results[0]?.wer.rate).toBeGreaterThan(0);
    const asian = {
      kind: 'text',
      unit: 'character',
      reference: '今日は晴れ',
      hypotheses: [{ text: '今日も晴れ' }],
    } as const;
    expect((await evaluate(asian)).results[0]).toMatchObject({
      wer: { substitutions: 1, reference: 5 },
      diff: [{ reference: '今日' }, { op: 'substitution', reference: 'は', hypothesis: 'も' }, { reference: '晴れ' }],
    });
  });

  it('takes hours of speech, and holds nobody up meanwhile', async () => {
    const reference = Array.from({ length: 12_000 }, (_, i) => `w${i % 97}`).join(' ');
    const going = post({ kind: 'text', reference, hypotheses: [{ text: `${reference} more` }] });
    const begun = performance.now();
    expect((await api.fetch('/v1/key')).status).toBe(200);
    expect(performance.now() - begun).toBeLessThan(1000);
    const { results } = await json<Extract<Evaluation, { kind: 'text' }>>(await going);
    expect(results[0]).toMatchObject({ wer: { insertions: 1, deletions: 0, reference: 12_000 }, cer: null });
    expect(results[0]?.diff).toHaveLength(2);
  });
});

describe('of speakers', () => {
  const rttm = (...turns: [start: number, seconds: number, who: string][]) =>
    turns.map(([start, seconds, who]) => `SPEAKER a 1 ${start} ${seconds} <NA> <NA> ${who} <NA> <NA>`).join('\n');

  it('has the parts of the error, in seconds', async () => {
    const reference = rttm([0, 5, 'ann'], [5, 5, 'bob']);
    const text = rttm([0, 6, 'X'], [6, 3, 'Y'], [12, 1, 'Y']);
    const { results } = await evaluate({
      kind: 'speakers',
      reference,
      hypotheses: [{ rttm: text }, { rttm: reference }],
    });
    expect(results[0]).toEqual({ label: null, der: 0.3, miss: 1, false_alarm: 1, confusion: 1, reference: 10 });
    expect(results[1]).toMatchObject({ der: 0 });
    const { results: loose } = await evaluate({ kind: 'speakers', reference, hypotheses: [{ rttm: text }], collar: 1 });
    expect(loose[0]).toMatchObject({ confusion: 0, miss: 0 });
  });

  it('says which line is none', async () => {
    const response = await post({ kind: 'speakers', reference: 'SPEAKER a', hypotheses: [{ rttm: '' }] });
    expect(await errorOf(response.clone())).toMatchObject({ status: 400, param: 'reference' });
    expect(await response.text()).toContain('line 1');
  });
});

describe('of sounds', () => {
  it('has SI-SDR and SDR of the files of jobs', async () => {
    const tone = (i: number) => 0.3 * Math.sin((2 * Math.PI * 440 * i) / 16_000);
    const other = (i: number) => 0.03 * Math.sin((2 * Math.PI * 1000 * i) / 16_000);
    const [clean, noisy, silent] = await Promise.all([
      doneJob({ file: wav('clean.wav', tone) }),
      doneJob({ file: wav('noisy.wav', (i) => 0.5 * (tone(i) + other(i))) }),
      doneJob({ file: wav('silent.wav', () => 0) }),
    ]);
    const input = (id: string) => ({ job_id: id, file: 'input' });
    const { results } = await evaluate({
      kind: 'separation',
      pairs: [
        { label: 'vocals', reference: input(clean), estimate: input(noisy) },
        { reference: input(clean), estimate: input(clean) },
        { reference: input(silent), estimate: input(clean) },
      ],
    });
    expect(results[0]).toMatchObject({ label: 'vocals', si_sdr: expect.closeTo(20, 1), seconds: expect.closeTo(1, 2) });
    expect(results[0]?.sdr).toBeCloseTo(10 * Math.log10(1 / (0.25 + 0.0025)), 1);
    expect(results[1]?.sdr).toBe(100);
    expect(results[1]?.si_sdr).toBeGreaterThanOrEqual(99);
    expect(results[2]).toMatchObject({ si_sdr: null, sdr: null });
    const text = { job_id: clean, file: 'transcript.txt' };
    const bad = await post({ kind: 'separation', pairs: [{ reference: text, estimate: input(clean) }] });
    expect(await errorOf(bad)).toMatchObject({ status: 400, code: 'unsupported_audio' });
  });
});

describe('what is asked', () => {
  it('is refused with a reason where it cannot be', async () => {
    const hypotheses = [{ text: 'a' }];
    const cases: [object, number, string][] = [
      [{}, 400, 'invalid_value'],
      [{ kind: 'text', reference: 'a', hypotheses: [] }, 400, 'invalid_value'],
      [{ kind: 'text', reference: 'a', hypotheses: [{}] }, 400, 'invalid_value'],
      [{ kind: 'text', reference: 'a', hypotheses: [{ text: 'a', job_id: 'job_1' }] }, 400, 'invalid_value'],
      [{ kind: 'text', reference: 'a', hypotheses: [{ job_id: 'job_1' }] }, 404, 'job_not_found'],
      [{ kind: 'text', reference: 'a', hypotheses, normaliser: 'basic' }, 400, 'invalid_value'],
      [
        { kind: 'text', reference: 'a '.repeat(60_000), hypotheses: [{ text: 'b '.repeat(60_000) }] },
        400,
        'invalid_value',
      ],
    ];
    for (const [body, status, code] of cases) expect(await errorOf(await post(body))).toMatchObject({ status, code });
  });

  it("takes no other key's jobs", async () => {
    const id = await doneJob({ file: wav('mine.wav', (i) => 0.2 * Math.sin(i)) });
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    for (const body of [
      { kind: 'text', reference: 'a', hypotheses: [{ job_id: id }] },
      {
        kind: 'separation',
        pairs: [{ reference: { job_id: id, file: 'input' }, estimate: { job_id: id, file: 'input' } }],
      },
    ]) {
      expect(await errorOf(await post(body, { headers }))).toMatchObject({ status: 404, code: 'job_not_found' });
    }
  });
});
