import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import type { Clip } from './manifest.ts';

export interface Endpoint {
  /** With the `/v1`. */
  url: string;
  apiKey: string | undefined;
  model: string;
  timeoutSeconds: number;
}

export interface Transcript {
  text: string;
  /** From sending the request to having read the answer. */
  latencySeconds: number;
  /** Whole seconds, rounded up, as billed; undefined when the server does not say. */
  billedSeconds: number | undefined;
}

const answer = z.object({ text: z.string(), usage: z.object({ seconds: z.number().optional() }).optional() });
const failure = z.object({ error: z.object({ message: z.string(), code: z.string().nullish() }) });

/** Sends one clip to `POST /audio/transcriptions`. @throws Error saying what the server or the network answered. */
export async function transcribeClip(clip: Clip, endpoint: Endpoint): Promise<Transcript> {
  const form = new FormData();
  form.set('model', endpoint.model);
  form.set('response_format', 'json');
  if (clip.language !== undefined) form.set('language', clip.language);
  form.set('file', await openAsBlob(clip.path), basename(clip.path));
  const started = performance.now();
  const { status, body } = await post(form, endpoint);
  const latencySeconds = (performance.now() - started) / 1000;
  const parsed = answer.safeParse(parseJson(body));
  if (status !== 200 || !parsed.success) throw new Error(describe(status, body));
  return { text: parsed.data.text, latencySeconds, billedSeconds: parsed.data.usage?.seconds };
}

async function post(
  form: FormData,
  { url, apiKey, timeoutSeconds }: Endpoint,
): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(`${url.replace(/\/+$/, '')}/audio/transcriptions`, {
      method: 'POST',
      body: form,
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error.name === 'TimeoutError') throw new Error(`no answer within ${timeoutSeconds} s`);
    const reason = error.cause instanceof Error ? error.cause.message : '';
    throw new Error(`${url} cannot be reached: ${reason || error.message}`, { cause: error });
  }
}

function describe(status: number, body: string): string {
  const { data } = failure.safeParse(parseJson(body));
  if (data === undefined) return `HTTP ${status}: ${body.slice(0, 200)}`;
  return `HTTP ${status} ${data.error.code ?? ''}: ${data.error.message}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
