import { type AdminEvent, adminEvent } from '@contract/admin.ts';
import { createParser } from 'eventsource-parser';
import { backoffDelay } from '../lib/backoff-delay.ts';
import { sleep } from '../lib/sleep.ts';
import { isRefusal } from './api-error.ts';
import { sendRequest } from './send-request.ts';

/** The server sends something every 15 s; a line that is silent for longer than this is dead. */
const MAX_SILENCE_MS = 25_000;

export interface FollowEventsOptions {
  adminKey: string;
  signal: AbortSignal;
  onEvent: (event: AdminEvent) => void;
  /** The stream ended or could not be opened; the next attempt follows. */
  onDown: () => void;
}

/**
 * Reads `/api/admin/events` until the signal aborts, opening it again whenever it ends.
 * @throws ApiError `refused` when the key does not open the stream (any more).
 */
export async function followEvents({ adminKey, signal, onEvent, onDown }: FollowEventsOptions): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await readEvents(adminKey, signal, (event) => {
        failures = 0;
        onEvent(event);
      });
    } catch (error) {
      if (isRefusal(error)) throw error;
    }
    if (signal.aborted) return;
    onDown();
    await sleep(backoffDelay(failures), signal);
    failures += 1;
  }
}

/** Resolves when the server ends the stream; rejects when it breaks, falls silent or sends what is no event. */
async function readEvents(adminKey: string, signal: AbortSignal, onEvent: (event: AdminEvent) => void): Promise<void> {
  const connection = new AbortController();
  const giveUp = () => connection.abort();
  let silence = setTimeout(giveUp, MAX_SILENCE_MS);
  try {
    const response = await sendRequest('/api/admin/events', {
      signal: AbortSignal.any([signal, connection.signal]),
      accept: 'text/event-stream',
      adminKey,
    });
    if (response.body === null) return;
    const parser = createParser({ onEvent: ({ data }) => onEvent(adminEvent.parse(JSON.parse(data))) });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      clearTimeout(silence);
      silence = setTimeout(giveUp, MAX_SILENCE_MS);
      parser.feed(chunk.value);
    }
  } finally {
    clearTimeout(silence);
    connection.abort();
  }
}
