/** What the wizard's fields hold, and the request that they make. Empty text: not restricted. */
import type { ApiKey, CreateKeyRequest, KeyTask } from '@contract/keys.ts';

export interface KeyDraft {
  name: string;
  admin: boolean;
  /** null: every task. */
  tasks: readonly KeyTask[] | null;
  /** null: every model. */
  models: readonly string[] | null;
  requestsPerMinute: string;
  concurrentJobs: string;
  minutesPerDay: string;
  minutesPerMonth: string;
  /** `YYYY-MM-DD`; the key works to the end of that day, UTC. */
  expiresOn: string;
  webhookUrl: string;
}

export type DraftField = keyof KeyDraft;

/** Enough for a person or a small service, too little for a runaway loop. */
export const NEW_KEY: KeyDraft = {
  name: '',
  admin: false,
  tasks: null,
  models: null,
  requestsPerMinute: '60',
  concurrentJobs: '4',
  minutesPerDay: '600',
  minutesPerMonth: '',
  expiresOn: '',
  webhookUrl: '',
};

const MINUTE = 60;
const DAY_SECONDS = 86_400;
const MAX_LIMIT = 1_000_000_000;

export function draftOf({ name, scopes, limits, expires_at, webhook_url }: ApiKey): KeyDraft {
  const text = (limit: number | null, unit = 1) => (limit === null ? '' : String(limit / unit));
  return {
    name,
    admin: scopes.admin,
    tasks: scopes.tasks,
    models: scopes.models,
    requestsPerMinute: text(limits.requests_per_minute),
    concurrentJobs: text(limits.concurrent_jobs),
    minutesPerDay: text(limits.audio_seconds_per_day, MINUTE),
    minutesPerMonth: text(limits.audio_seconds_per_month, MINUTE),
    expiresOn: expires_at === null ? '' : new Date((expires_at - 1) * 1000).toISOString().slice(0, 10),
    webhookUrl: webhook_url ?? '',
  };
}

/** The fields that cannot be sent as they are. @param now Unix seconds */
export function draftProblems(draft: KeyDraft, now: number): ReadonlySet<DraftField> {
  const problems = new Set<DraftField>();
  if (draft.name.trim() === '' || draft.name.trim().length > 100) problems.add('name');
  if (draft.tasks?.length === 0) problems.add('tasks');
  if (draft.models?.length === 0) problems.add('models');
  for (const field of ['requestsPerMinute', 'concurrentJobs'] as const) {
    if (!isLimit(draft[field], 1, 1)) problems.add(field);
  }
  for (const field of ['minutesPerDay', 'minutesPerMonth'] as const) {
    if (!isLimit(draft[field], 0, MINUTE)) problems.add(field);
  }
  const expiry = endOfDay(draft.expiresOn);
  if (expiry !== null && !(expiry > now)) problems.add('expiresOn');
  if (draft.webhookUrl !== '' && !(URL.canParse(draft.webhookUrl) && /^https?:/.test(draft.webhookUrl))) {
    problems.add('webhookUrl');
  }
  return problems;
}

export function toRequest(draft: KeyDraft): CreateKeyRequest {
  return {
    name: draft.name.trim(),
    scopes: {
      admin: draft.admin,
      tasks: draft.tasks === null ? null : [...draft.tasks],
      models: draft.models === null ? null : [...draft.models],
    },
    limits: {
      requests_per_minute: toLimit(draft.requestsPerMinute, 1),
      concurrent_jobs: toLimit(draft.concurrentJobs, 1),
      audio_seconds_per_day: toLimit(draft.minutesPerDay, MINUTE),
      audio_seconds_per_month: toLimit(draft.minutesPerMonth, MINUTE),
    },
    expires_at: endOfDay(draft.expiresOn),
    webhook_url: draft.webhookUrl === '' ? null : draft.webhookUrl,
  };
}

function isLimit(text: string, least: number, unit: number): boolean {
  if (text.trim() === '') return true;
  const value = Number(text) * unit;
  return Number.isFinite(value) && value >= least && value <= MAX_LIMIT && (unit > 1 || Number.isInteger(value));
}

function toLimit(text: string, unit: number): number | null {
  return text.trim() === '' ? null : Math.round(Number(text) * unit);
}

/** Unix seconds; NaN for what is no day. */
function endOfDay(day: string): number | null {
  return day === '' ? null : Date.parse(`${day}T00:00:00Z`) / 1000 + DAY_SECONDS;
}
