/** API keys: what a key may do and how much of it, how operators manage keys, and who a caller is. */
import { z } from 'zod';

/** What a key can be limited to doing, by route. */
export const KEY_TASKS = ['transcription', 'translation', 'diarization', 'separation'] as const;
export const keyTask = z.enum(KEY_TASKS);
export type KeyTask = z.infer<typeof keyTask>;

export const keyScopes = z
  .object({
    admin: z.boolean().meta({ description: 'Opens `/api`' }),
    tasks: z.array(keyTask).nullable().meta({ description: 'null: every task' }),
    models: z.array(z.string()).nullable().meta({ description: 'Ids of models; null: every model' }),
  })
  .meta({ id: 'ApiKeyScopes' });
export type KeyScopes = z.infer<typeof keyScopes>;

/** The largest number a limit can be: some 30 years of audio, and an integer of the database. */
const MAX_LIMIT = 1_000_000_000;

export const keyLimits = z
  .object({
    requests_per_minute: z.int().min(1).max(MAX_LIMIT).nullable(),
    concurrent_jobs: z
      .int()
      .min(1)
      .max(MAX_LIMIT)
      .nullable()
      .meta({ description: 'Unfinished jobs and running requests together' }),
    audio_seconds_per_day: z.int().min(0).max(MAX_LIMIT).nullable().meta({ description: 'Calendar day in UTC' }),
    audio_seconds_per_month: z.int().min(0).max(MAX_LIMIT).nullable().meta({ description: 'Calendar month in UTC' }),
  })
  .meta({ id: 'ApiKeyLimits', description: 'null: no limit' });
export type KeyLimits = z.infer<typeof keyLimits>;

export const NO_LIMITS: KeyLimits = {
  requests_per_minute: null,
  concurrent_jobs: null,
  audio_seconds_per_day: null,
  audio_seconds_per_month: null,
};

/** Who a request comes from, once its key is known. */
export interface Principal {
  /** Of the key's record, which rotation keeps; `env_…` for keys of the environment, `anonymous` without a key. */
  id: string;
  role: 'user' | 'admin';
  scopes: KeyScopes;
  limits: KeyLimits;
}

/** Callers without a key, on a server that answers them: all of them are one tenant. */
export const ANONYMOUS: Principal = {
  id: 'anonymous',
  role: 'user',
  scopes: { admin: false, tasks: null, models: null },
  limits: NO_LIMITS,
};

const name = z.string().trim().min(1).max(100);
/** 9999-12-31, the last day that a date of four digits can name. */
const unixSeconds = z.int().min(0).max(253_402_300_799);
const webhookUrl = z.url({ protocol: /^https?$/ }).max(2_000);

export const apiKey = z
  .object({
    id: z.string(),
    object: z.literal('api_key'),
    rev: z.int().meta({ description: 'Grows with every change' }),
    name: z.string(),
    prefix: z.string().nullable().meta({ description: "The secret's first characters; null when they are not known" }),
    scopes: keyScopes,
    limits: keyLimits,
    webhook_url: z.string().nullable(),
    created_at: unixSeconds,
    expires_at: unixSeconds.nullable(),
    rotated_at: unixSeconds.nullable(),
    previous_secret_expires_at: unixSeconds
      .nullable()
      .meta({ description: 'Until then the secret from before the last rotation works too' }),
    revoked_at: unixSeconds.nullable(),
  })
  .meta({ id: 'ApiKey', description: 'Times are Unix seconds' });
export type ApiKey = z.infer<typeof apiKey>;

export const apiKeyWithSecret = apiKey
  .extend({ secret: z.string().meta({ description: 'Shown this once; only its hash is kept' }) })
  .meta({ id: 'ApiKeyWithSecret' });
export type ApiKeyWithSecret = z.infer<typeof apiKeyWithSecret>;

export const apiKeyList = z.object({ object: z.literal('list'), data: z.array(apiKey) }).meta({ id: 'ApiKeyList' });

/** What is left out of a scope or a limit is not restricted; a misspelt member must not pass for that. */
const changes = {
  scopes: z
    .strictObject({
      admin: keyScopes.shape.admin.exactOptional(),
      tasks: keyScopes.shape.tasks.exactOptional(),
      models: keyScopes.shape.models.exactOptional(),
    })
    .optional(),
  limits: z
    .strictObject({
      requests_per_minute: keyLimits.shape.requests_per_minute.exactOptional(),
      concurrent_jobs: keyLimits.shape.concurrent_jobs.exactOptional(),
      audio_seconds_per_day: keyLimits.shape.audio_seconds_per_day.exactOptional(),
      audio_seconds_per_month: keyLimits.shape.audio_seconds_per_month.exactOptional(),
    })
    .optional(),
  expires_at: unixSeconds.nullable().optional(),
  webhook_url: webhookUrl.nullable().optional(),
};
export const createKeyRequest = z.strictObject({ name, ...changes }).meta({ id: 'CreateApiKeyRequest' });
export type CreateKeyRequest = z.infer<typeof createKeyRequest>;

export const updateKeyRequest = z
  .strictObject({ name: name.optional(), ...changes })
  .meta({ id: 'UpdateApiKeyRequest', description: 'What is left out stays as it is' });
export type UpdateKeyRequest = z.infer<typeof updateKeyRequest>;

const A_WEEK_SECONDS = 7 * 24 * 3600;
export const rotateKeyRequest = z
  .strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(A_WEEK_SECONDS)
      .default(0)
      .meta({ description: 'How long the old secret still works' }),
  })
  .meta({ id: 'RotateApiKeyRequest' });
export type RotateKeyRequest = z.infer<typeof rotateKeyRequest>;

const usedSpan = z.object({
  audio_seconds: z.int().meta({ description: 'Of finished work' }),
  reserved_seconds: z.int().meta({ description: 'Held for work that is not finished' }),
  limit_seconds: z.int().nullable(),
  requests: z.int().meta({ description: 'Finished ones that were charged' }),
});
export const keyUsage = z
  .object({
    object: z.literal('api_key.usage'),
    id: z.string(),
    running: z.int().meta({ description: 'Unfinished jobs and running requests that were counted' }),
    today: usedSpan.extend({ day: z.iso.date() }).meta({ description: 'Calendar day in UTC' }),
    this_month: usedSpan.extend({ month: z.string().meta({ description: '`YYYY-MM`, UTC' }) }),
  })
  .meta({ id: 'ApiKeyUsage' });
export type KeyUsage = z.infer<typeof keyUsage>;

const allowance = z.object({
  limit: z.int().nullable().meta({ description: 'null: no limit' }),
  used: z.int().nullable().meta({ description: 'What unfinished work holds included; null where nobody counts' }),
  resets_at: unixSeconds
    .nullable()
    .meta({ description: 'When nothing of it is used any more; null: when the work has ended' }),
});
/** `GET /v1/key`: what the calling key is, for its holder. */
export const ownKey = z
  .object({
    object: z.literal('key'),
    id: z.string(),
    name: z.string().nullable().meta({ description: 'null: a key of the environment, or none' }),
    role: z.enum(['user', 'admin']),
    scopes: keyScopes,
    limits: z.object({
      requests_per_minute: allowance,
      concurrent_jobs: allowance,
      audio_seconds_per_day: allowance,
      audio_seconds_per_month: allowance,
    }),
    expires_at: unixSeconds.nullable(),
  })
  .meta({ id: 'OwnKey' });
export type OwnKey = z.infer<typeof ownKey>;
