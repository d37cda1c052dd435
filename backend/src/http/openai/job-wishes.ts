/** Fields and headers by which any audio request asks to be a job, and how. */
import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import { GatewayError } from '../../errors.ts';
import type { JobWishes } from '../../services/audio-jobs.ts';

const MAX_METADATA = 16;
const MAX_PRIORITY = 100;

const flag = z.enum(['true', 'false', '1', '0', '']).transform((value) => value === 'true' || value === '1');

const wishes = z.object({
  background: flag.default(false),
  /** As OpenAI's: at most 16 pairs of at most 64 and 512 characters. */
  metadata: z
    .preprocess(
      parseObject,
      z.record(z.string().min(1).max(64), z.string().max(512), 'must be a JSON object of strings'),
    )
    .refine((pairs) => Object.keys(pairs).length <= MAX_METADATA, `at most ${MAX_METADATA} pairs are taken`)
    .default({}),
  webhook_url: z.string().trim().optional(),
  priority: z
    .string()
    .regex(/^-?\d{1,3}$/, `must be a whole number from -${MAX_PRIORITY} to ${MAX_PRIORITY}`)
    .transform(Number)
    .pipe(z.int().min(-MAX_PRIORITY).max(MAX_PRIORITY))
    .default(0),
  cache: flag.default(true),
});

const idempotencyKey = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\x21-\x7e]+$/, 'has characters beyond printable ASCII');

export interface JobAsked {
  /** The answer is a job, not its result. */
  background: boolean;
  mayReuse: boolean;
  wishes: Omit<JobWishes, 'idempotency'> & { idempotencyKey: string | undefined };
}

/** @throws invalid_value, naming the parameter */
export function parseJobWishes(request: Request, body: Readonly<Record<string, unknown>>): JobAsked {
  const { background, metadata, webhook_url, priority, cache } = body;
  const given = Object.entries({ background, metadata, webhook_url, priority, cache }).filter(
    ([, value]) => value !== undefined && value !== '',
  );
  const parsed = wishes.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const param = String(issue?.path[0] ?? '');
    throw new GatewayError('invalid_value', { message: `Invalid value for '${param}': ${issue?.message}.`, param });
  }
  const { data } = parsed;
  const isBackground = data.background || prefersAsync(request);
  return {
    background: isBackground,
    mayReuse: data.cache && !/\bno-(cache|store)\b/i.test(request.headers['cache-control'] ?? ''),
    wishes: {
      metadata: data.metadata,
      webhookUrl: data.webhook_url,
      priority: data.priority,
      idempotencyKey: isBackground ? parseIdempotencyKey(request) : undefined,
    },
  };
}

/** Of everything a request says: the same key with another fingerprint is another request. */
export function fingerprintOf(path: string, asked: unknown, input: string): string {
  return createHash('sha256')
    .update(JSON.stringify([path, asked, input]))
    .digest('hex');
}

/** https://www.rfc-editor.org/rfc/rfc7240 */
function prefersAsync(request: Request): boolean {
  return (request.headers.prefer ?? '')
    .toString()
    .split(',')
    .some((preference) => preference.split(';')[0]?.trim().toLowerCase() === 'respond-async');
}

function parseIdempotencyKey(request: Request): string | undefined {
  const value = request.headers['idempotency-key'];
  if (value === undefined) return undefined;
  const parsed = idempotencyKey.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new GatewayError('invalid_value', {
    message: `The Idempotency-Key must be 1 to 255 printable ASCII characters.`,
    param: 'Idempotency-Key',
  });
}

function parseObject(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
