/** An app with a user key, and what black-box tests reach it by; every answer is held against the OpenAPI document. */
import OpenAI from 'openai';
import { vi } from 'vitest';
import { type ApiCheck, checkApi } from '../support/openapi-check.ts';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/start-app.ts';

export const USER_KEY = 'sk-of-a-user-in-the-tests';

/** What `fake/echo` takes for audio. */
export const STUB_AUDIO = Buffer.from('RIFFxxxxWAVEfake');

export type FormValues = Record<string, string | readonly string[] | File | null>;

export interface Api {
  app: TestApp;
  check: ApiCheck['check'];
  document: ApiCheck['document'];
  /** With the user key, unless the call brings an Authorization of its own. */
  fetch: typeof fetch;
  /** POSTs the form; `file` and `model` have defaults, null leaves a part out. */
  transcribe(values?: FormValues, init?: RequestInit): Promise<Response>;
  openai: OpenAI;
  close(): Promise<void>;
}

export async function startApi({ env = {}, ...options }: TestAppOptions = {}): Promise<Api> {
  const app = await startTestApp({ ...options, env: { OPENAI_API_KEYS: USER_KEY, ...env } });
  const { fetch: checked, check, document } = await checkApi(app);
  const withKey: typeof fetch = (input, init = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${USER_KEY}`);
    return checked(input, { ...init, headers });
  };
  return {
    app,
    check,
    document,
    fetch: withKey,
    transcribe: (values = {}, init = {}) =>
      withKey('/v1/audio/transcriptions', {
        method: 'POST',
        body: toForm({ file: new File([STUB_AUDIO], 'a.wav'), model: 'fake/echo', ...values }),
        ...init,
      }),
    openai: new OpenAI({ baseURL: `${app.url}/v1`, apiKey: USER_KEY, fetch: checked, maxRetries: 0 }),
    close: () => app.close(),
  };
}

export function toForm(values: FormValues): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) {
    if (value === null) continue;
    for (const item of Array.isArray(value) ? value : [value]) form.append(name, item);
  }
  return form;
}

interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

/** Status and the members of the envelope that callers may branch on. */
export async function errorOf(response: Response) {
  const { error } = (await response.json()) as ErrorBody;
  return { status: response.status, type: error.type, param: error.param, code: error.code };
}

/** The JSON of an answer, for `expect` to look into; its shape was held against the document already. */
export async function json<T = Record<string, unknown>>(response: Response): Promise<T> {
  return (await response.json()) as T;
}

/** Waits for something that follows an answer, or goes on beside it; a busy machine may take its time. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 30_000, interval: 20 });
}
