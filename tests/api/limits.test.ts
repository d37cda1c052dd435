/** E11–E14: limits of keys as the official client meets them, and as they hold for requests that run at the same time. */
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiKeyWithSecret, KeyLimits, KeyUsage } from '../../backend/src/contract/keys.ts';
import { encodeAs, sineWav } from '../support/media.ts';
import { ADMIN_KEY } from '../support/start-app.ts';
import { type Api, errorOf, eventually, json, STUB_AUDIO, startApi } from './start-api.ts';

describe('limits of a key', () => {
  let api: Api;
  let dir: string;
  beforeAll(async () => {
    api = await startApi({ env: { MODEL_ALIASES: 'whisper-1=fake/echo' } });
    dir = await mkdtemp(join(tmpdir(), 'audio-gateway-limits-'));
    await sineWav(5, dir);
    await sineWav(130, dir);
    // The worker is up, so that no test waits for it.
    await api.transcribe();
  });
  afterAll(async () => {
    await api.close();
    await rm(dir, { recursive: true, force: true });
  });

  const asAdmin = { authorization: `Bearer ${ADMIN_KEY}` };
  async function makeKey(limits: Partial<KeyLimits>) {
    const body = JSON.stringify({ name: 'limited', limits });
    const response = await api.fetch('/api/admin/keys', { method: 'POST', headers: asAdmin, body });
    const { id, secret } = await json<ApiKeyWithSecret>(response);
    const init = { headers: { authorization: `Bearer ${secret}` } };
    return {
      id,
      secret,
      init,
      ask: () => api.fetch('/v1/models', init),
      /** `prompt` is the echo model's orders. */
      transcribe: async (seconds: 5 | 130, prompt = '', extra: Record<string, string> = {}, signal?: AbortSignal) =>
        api.transcribe(
          { file: new File([await readFile(join(dir, `sine-${seconds}.wav`))], 'a.wav'), prompt, ...extra },
          { ...init, ...(signal === undefined ? {} : { signal }) },
        ),
      usage: async () => json<KeyUsage>(await api.fetch(`/api/admin/keys/${id}/usage`, { headers: asAdmin })),
    };
  }
  /** A client with the retries it has by itself, and what it sent when. */
  function client(secret: string) {
    const attempts: { at: number; status: number; count: string | null }[] = [];
    const openai = new OpenAI({
      baseURL: `${api.app.url}/v1`,
      apiKey: secret,
      fetch: async (url, init) => {
        const at = performance.now();
        const response = await fetch(url, init);
        // The client also asks its fetch whether it can send forms.
        if (!String(url).startsWith('http')) return response;
        attempts.push({
          at,
          status: response.status,
          count: new Headers(init?.headers).get('x-stainless-retry-count'),
        });
        return response;
      },
    });
    return { openai, attempts };
  }

  describe('requests per minute', () => {
    it('E11 one more: 429 with how long to wait; until then each answer says how many are left', async () => {
      const key = await makeKey({ requests_per_minute: 2 });
      for (const remaining of ['1', '0']) {
        const { status, headers } = await key.ask();
        expect(status).toBe(200);
        expect(headers.get('x-ratelimit-limit-requests')).toBe('2');
        expect(headers.get('x-ratelimit-remaining-requests')).toBe(remaining);
        expect(headers.get('x-ratelimit-reset-requests')).toMatch(/^(\d+(\.\d+)?m?s|1m0s)$/);
      }
      const refused = await key.ask();
      expect(refused.headers.get('retry-after')).toMatch(/^(29|30)$/);
      expect(refused.headers.get('x-ratelimit-limit-requests')).toBe('2');
      expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0');
      expect(refused.headers.get('x-ratelimit-reset-requests')).toMatch(/^(1m0s|5\d(\.\d+)?s)$/);
      expect(refused.headers.get('x-should-retry')).toBeNull();
      expect(await errorOf(refused)).toEqual({
        status: 429,
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
      });
    });

    it('are counted for the key: neither another key nor one without limits is touched by it', async () => {
      const key = await makeKey({ requests_per_minute: 1 });
      const other = await makeKey({ requests_per_minute: 1 });
      expect((await key.ask()).status).toBe(200);
      expect((await key.ask()).status).toBe(429);
      expect((await other.ask()).status).toBe(200);
      const unlimited = await api.fetch('/v1/models');
      expect(unlimited.status).toBe(200);
      expect(unlimited.headers.get('x-ratelimit-limit-requests')).toBeNull();
    });

    it('a refusal comes before the body', async () => {
      const key = await makeKey({ requests_per_minute: 1 });
      await key.ask();
      const refused = await api.fetch('/v1/audio/transcriptions', { method: 'POST', ...key.init, body: 'no form' });
      expect(await errorOf(refused)).toMatchObject({ code: 'rate_limit_exceeded' });
    });

    it('E12 the client waits as it is told, and gets through', async () => {
      const { secret, ask } = await makeKey({ requests_per_minute: 60 });
      const { openai, attempts } = client(secret);
      const all = await Promise.all(Array.from({ length: 60 }, ask));
      expect(all.every(({ status }) => status === 200)).toBe(true);
      // Those sixty took time, in which the bucket filled a little.
      while ((await ask()).status === 200);
      const file = await toFile(STUB_AUDIO, 'a.wav');
      await openai.audio.transcriptions.create({ file, model: 'whisper-1' });
      expect(attempts.map(({ status }) => status)).toEqual([429, 200]);
      expect((attempts[1]?.at ?? 0) - (attempts[0]?.at ?? 0)).toBeGreaterThan(900);
    });

    it('E13 the client does not repeat a stream', async () => {
      const { secret, ask } = await makeKey({ requests_per_minute: 1 });
      await ask();
      const { openai, attempts } = client(secret);
      const file = createReadStream(join(dir, 'sine-5.wav'));
      await expect(openai.audio.transcriptions.create({ file, model: 'whisper-1' })).rejects.toBeInstanceOf(
        OpenAI.RateLimitError,
      );
      expect(attempts).toHaveLength(1);
    });
  });

  describe('concurrent jobs', () => {
    it('E12 a place that stays taken: three attempts, a second apart, then RateLimitError', async () => {
      const key = await makeKey({ concurrent_jobs: 1 });
      const stop = new AbortController();
      const running = key.transcribe(5, 'sleep:30000', {}, stop.signal).catch(() => 'left');
      await eventually(async () => expect((await key.usage()).running).toBe(1));
      const { openai, attempts } = client(key.secret);
      const refusal = await openai.audio.transcriptions
        .create({ file: await toFile(STUB_AUDIO, 'a.wav'), model: 'whisper-1' })
        .catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(OpenAI.RateLimitError);
      expect(refusal).toMatchObject({ status: 429, code: 'concurrency_limit_exceeded' });
      expect(attempts.map(({ count }) => count)).toEqual(['0', '1', '2']);
      const [first, second, third] = attempts.map(({ at }) => at);
      for (const wait of [(second ?? 0) - (first ?? 0), (third ?? 0) - (second ?? 0)]) {
        expect(wait).toBeGreaterThan(900);
        expect(wait).toBeLessThan(3_000);
      }
      stop.abort();
      expect(await running).toBe('left');
      // Whoever leaves frees the place.
      await eventually(async () => expect((await key.usage()).running).toBe(0));
      expect((await key.transcribe(5)).status).toBe(200);
    });

    it('a place is free after every kind of failure', async () => {
      const key = await makeKey({ concurrent_jobs: 1, audio_seconds_per_day: 1000 });
      const failures = [
        api.transcribe({ file: new File([STUB_AUDIO], 'a.wav') }, key.init),
        key.transcribe(5, 'nonsense'),
        key.transcribe(5, 'nonsense', { stream: 'true' }),
        key.transcribe(5, '', { model: 'no-such' }),
      ];
      for (const failure of failures) await failure.then((response) => response.text());
      const usage = await key.usage();
      expect(usage).toMatchObject({ running: 0, today: { audio_seconds: 0, reserved_seconds: 0, requests: 0 } });
    });
  });

  describe('audio seconds', () => {
    it('E14 used up: 429 insufficient_quota, and the client makes one attempt', async () => {
      const key = await makeKey({ audio_seconds_per_day: 12 });
      expect((await key.transcribe(5, 'seconds:5')).status).toBe(200);
      expect((await key.transcribe(5, 'seconds:5', { stream: 'true' })).status).toBe(200);
      expect(await key.usage()).toMatchObject({ today: { audio_seconds: 10, reserved_seconds: 0, requests: 2 } });
      const refused = await key.transcribe(5);
      expect(refused.headers.get('x-should-retry')).toBe('false');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(refused.headers.get('x-ratelimit-limit-audio-seconds')).toBe('12');
      expect(refused.headers.get('x-ratelimit-remaining-audio-seconds')).toBe('2');
      expect(await errorOf(refused)).toEqual({
        status: 429,
        type: 'insufficient_quota',
        param: null,
        code: 'insufficient_quota',
      });
      const { openai, attempts } = client(key.secret);
      const file = await toFile(await readFile(join(dir, 'sine-5.wav')), 'a.wav');
      const error = await openai.audio.transcriptions.create({ file, model: 'whisper-1' }).catch((reason) => reason);
      expect(error).toBeInstanceOf(OpenAI.RateLimitError);
      expect(error).toMatchObject({ code: 'insufficient_quota' });
      expect(attempts).toHaveLength(1);
    });

    it('audio longer than what is left never reaches the model, and costs nothing', async () => {
      const key = await makeKey({ audio_seconds_per_month: 100 });
      const refused = await key.transcribe(130, 'say:never');
      expect(await errorOf(refused)).toMatchObject({ status: 429, code: 'insufficient_quota' });
      expect(await key.usage()).toMatchObject({ running: 0, this_month: { audio_seconds: 0, reserved_seconds: 0 } });
    });

    it('a file that states no length, or too short a one, is measured all the same', async () => {
      const key = await makeKey({ audio_seconds_per_day: 100 });
      const flac = await encodeAs('flac', join(dir, 'sine-130.wav'), dir);
      // STREAMINFO counts the samples in 36 bits from bit 172 on: one second.
      flac[21] = (flac[21] ?? 0) & 0xf0;
      new DataView(flac.buffer, flac.byteOffset).setUint32(22, 16_000);
      expect(await errorOf(await api.transcribe({ file: new File([flac], 'a.flac') }, key.init))).toMatchObject({
        code: 'insufficient_quota',
      });
      const wav = await readFile(join(dir, 'sine-130.wav'));
      // As a recorder writes it that cannot go back to its header: the sizes of RIFF and data are not known.
      wav.writeUInt32LE(0xffffffff, 4);
      wav.writeUInt32LE(0xffffffff, wav.indexOf('data') + 4);
      await writeFile(join(dir, 'endless.wav'), wav);
      const refused = await api.transcribe({ file: new File([wav], 'a.wav') }, key.init);
      expect(await errorOf(refused)).toMatchObject({ code: 'insufficient_quota' });
      const enough = await makeKey({ audio_seconds_per_day: 130 });
      const form = { file: new File([wav], 'a.wav'), prompt: 'seconds:130' };
      expect((await api.transcribe(form, enough.init)).status).toBe(200);
      expect(await enough.usage()).toMatchObject({ today: { audio_seconds: 130 } });
    });

    it('50 requests at once cannot overrun them', async () => {
      const key = await makeKey({ audio_seconds_per_day: 52 });
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          key.transcribe(5, index % 10 === 0 ? 'nonsense' : 'sleep:100 seconds:5', { stream: String(index % 2 === 0) }),
        ),
      );
      const statuses = Map.groupBy(answers, ({ status }) => status);
      const done = statuses.get(200)?.length ?? 0;
      expect(done).toBeGreaterThan(0);
      expect(done).toBeLessThanOrEqual(10);
      expect(done + (statuses.get(429)?.length ?? 0) + (statuses.get(500)?.length ?? 0)).toBe(50);
      expect(await key.usage()).toMatchObject({ running: 0, today: { audio_seconds: done * 5, reserved_seconds: 0 } });
    });

    it('who leaves a stream that has begun has used them; who leaves before has not', async () => {
      const key = await makeKey({ audio_seconds_per_day: 100 });
      const early = new AbortController();
      const silent = key.transcribe(5, 'sleep:30000', { stream: 'true' }, early.signal).catch(() => 'left');
      await eventually(async () => expect((await key.usage()).today.reserved_seconds).toBe(5));
      early.abort();
      await silent;
      await eventually(async () => expect((await key.usage()).running).toBe(0));
      expect((await key.usage()).today.audio_seconds).toBe(0);

      const late = new AbortController();
      const spoken = await key.transcribe(5, 'say:word sleep:30000', { stream: 'true' }, late.signal);
      await spoken.body?.getReader().read();
      late.abort();
      await eventually(async () => expect((await key.usage()).running).toBe(0));
      expect((await key.usage()).today.audio_seconds).toBe(5);
    });

    it('are counted for keys without limits, too, and for those of the environment', async () => {
      const key = await makeKey({});
      await api.transcribe({ prompt: 'seconds:7.2' }, key.init);
      // Noted with others', within a second.
      await eventually(async () =>
        expect(await key.usage()).toMatchObject({ today: { audio_seconds: 8, limit_seconds: null, requests: 1 } }),
      );
    });
  });

  it('limits outlive the gateway, and hold in another one on the same database', async () => {
    const key = await makeKey({ requests_per_minute: 1, audio_seconds_per_day: 5 });
    expect((await key.transcribe(5, 'seconds:5')).status).toBe(200);
    const other = await startApi({ env: { DATABASE_URL: api.app.databaseUrl } });
    try {
      const refused = await other.fetch('/v1/models', key.init);
      expect(await errorOf(refused)).toMatchObject({ code: 'rate_limit_exceeded' });
      const usage = await other.fetch(`/api/admin/keys/${key.id}/usage`, { headers: asAdmin });
      expect(await json<KeyUsage>(usage)).toMatchObject({ today: { audio_seconds: 5 } });
    } finally {
      await other.close();
    }
  });
});
