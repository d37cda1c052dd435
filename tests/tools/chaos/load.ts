/** Clients that ask for jobs without pause, and remember what was acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../../backend/src/contract/jobs.ts';
import { wav } from '../../support/wav.ts';
import { AUTHORIZATION } from '../bench/gateway-folder.ts';
import { ADMIN_KEY } from './gateway.ts';

export const HEADERS = { authorization: AUTHORIZATION };
export const ADMIN_HEADERS = { authorization: `Bearer ${ADMIN_KEY}` };

/** An acknowledged job and what its text must be. */
export interface Expected {
  id: string;
  text: string;
}

const SENDERS = 3;
/** Unfinished jobs above which the senders wait: the load shall last through the kills, not through the night. */
const MOST_WAITING = 40;

export interface Load {
  /** By id. */
  readonly expected: ReadonlyMap<string, Expected>;
  /** Requests that failed and were sent again. */
  readonly refused: number;
  stop(): Promise<void>;
}

export interface LoadOptions {
  seed: number;
  random(): number;
  /** Of the gateway at the moment. */
  url(): string;
}

export function startLoad({ seed, random, url }: LoadOptions): Load {
  const expected = new Map<string, Expected>();
  let refused = 0;
  let stopped = false;

  async function send(sender: number): Promise<void> {
    for (let n = 0; !stopped; n += 1) {
      const windows = 1 + Math.floor(random() * 12);
      const milliseconds = Math.floor(random() * 60);
      const key = `chaos-${seed}-${sender}-${n}`;
      const audio = wav(1, 50 + SENDERS * (n % 900) + sender);
      const text = Array.from({ length: windows }, (_, i) => ` w${i}`).join('');
      // Until it is acknowledged the client asks again, under the same key.
      while (!stopped) {
        const id = await submit(url(), { audio, prompt: `windows:${windows}:${milliseconds} say:${n}`, key });
        if (id !== undefined) {
          expected.set(id, { id, text: `${text}${n}` });
          break;
        }
        refused += 1;
        await sleep(100);
      }
      while (!stopped && (await unfinished(url())) > MOST_WAITING) await sleep(200);
    }
  }

  const senders = Promise.all(Array.from({ length: SENDERS }, (_, sender) => send(sender)));
  // Awaited by `stop`; until then it must not count as unhandled.
  senders.catch(() => {});
  return {
    expected,
    get refused() {
      return refused;
    },
    async stop() {
      stopped = true;
      await senders;
    },
  };
}

/** @returns the id of the job; undefined when nothing was acknowledged. */
async function submit(
  url: string,
  { audio, prompt, key }: { audio: Buffer<ArrayBuffer>; prompt: string; key: string },
): Promise<string | undefined> {
  const body = new FormData();
  body.set('file', new File([audio], 'speech.wav'));
  body.set('model', 'fake/echo');
  body.set('prompt', prompt);
  const headers = { ...HEADERS, prefer: 'respond-async', 'idempotency-key': key };
  try {
    const response = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body, headers });
    const answer = await response.text();
    if (response.status === 202) return (JSON.parse(answer) as Job).id;
    if (response.status < 500) throw new Unexpected(`${response.status} ${answer}`);
  } catch (error) {
    if (error instanceof Unexpected) throw error;
  }
  return undefined;
}

class Unexpected extends Error {}

async function unfinished(url: string): Promise<number> {
  try {
    const { data } = await page(url, 'status=queued,running&limit=100');
    return data.length;
  } catch {
    return 0;
  }
}

export async function page(
  url: string,
  query: string,
): Promise<{ data: Job[]; has_more: boolean; last_id: string | null }> {
  const response = await fetch(`${url}/v1/jobs?${query}`, { headers: HEADERS });
  if (!response.ok) throw new Error(`GET /v1/jobs: ${response.status}`);
  return (await response.json()) as Awaited<ReturnType<typeof page>>;
}
