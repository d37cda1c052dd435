/** Cases H4 and H5: what a customer does with a delivery, through the official client. */
import OpenAI, { InvalidWebhookSignatureError } from 'openai';
import { describe, expect, it } from 'vitest';
import { createWebhookSecret, parseWebhookSecret, signWebhook } from '../../backend/src/outbound/webhook-signature.ts';

const { webhooks } = new OpenAI({ apiKey: 'not-used' });
const secret = createWebhookSecret();
const event = { id: 'evt_1', object: 'event', type: 'transcription.completed', created_at: 1, data: { id: 'job_ü' } };
const body = JSON.stringify(event);

const signed = (options: Partial<Parameters<typeof signWebhook>[0]> = {}) =>
  signWebhook({ id: 'evt_1', now: Date.now(), body, secrets: [secret], ...options });

describe('a signature', () => {
  it('is the one of the specification for a known key', () => {
    const headers = signWebhook({
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      now: 1_614_265_330_999,
      body: '{"test": 2432232314}',
      secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    });
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is verified by the client', async () => {
    expect(await webhooks.unwrap(body, signed(), secret)).toEqual(event);
  });

  it('is verified with either of two active secrets, and with no other', async () => {
    const old = createWebhookSecret();
    const headers = signed({ secrets: [secret, old] });
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
    expect(await webhooks.unwrap(body, headers, secret)).toEqual(event);
    expect(await webhooks.unwrap(body, headers, old)).toEqual(event);
    await expect(webhooks.unwrap(body, headers, createWebhookSecret())).rejects.toThrow(InvalidWebhookSignatureError);
  });

  const now = Date.now();
  it.each([
    ['body', `${body.slice(0, -1)} }`, signed()],
    ['id', body, { ...signed(), 'webhook-id': 'evt_2' }],
    ['timestamp', body, { ...signed({ now }), 'webhook-timestamp': String(Math.floor(now / 1000) - 1) }],
    ['age', body, signed({ now: now - 302_000 })],
    ['future', body, signed({ now: now + 310_000 })],
    ['unit of the time', body, signed({ now: now * 1000 })],
  ])('does not survive another %s', async (_, received, headers) => {
    await expect(webhooks.unwrap(received, headers, secret)).rejects.toThrow(InvalidWebhookSignatureError);
  });

  it('is still good after 4 minutes', async () => {
    expect(await webhooks.unwrap(body, signed({ now: now - 240_000 }), secret)).toEqual(event);
  });
});

describe('a secret', () => {
  it('is 32 random bytes', () => {
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(parseWebhookSecret(secret)).toHaveLength(32);
    expect(createWebhookSecret()).not.toBe(secret);
  });

  const base64 = (bytes: number) => Buffer.alloc(bytes, 0xfb).toString('base64');
  it.each(['', 'whsec_', base64(32), `whsec_${base64(23)}`, `whsec_${base64(65)}`, `whsec_${base64(32)}\n`])(
    'is not %j',
    (text) => expect(() => parseWebhookSecret(text)).toThrow('a webhook secret is'),
  );

  it('is not in another alphabet, which a receiver might decode otherwise; and is not told', () => {
    const urlSafe = `whsec_${Buffer.alloc(32, 0xfb).toString('base64url')}`;
    expect(() => parseWebhookSecret(urlSafe)).toThrow(/^(?!.*-_)/);
    expect(() => signed({ secrets: [] })).toThrow('needs a secret');
  });
});
