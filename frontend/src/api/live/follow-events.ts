/** Reads an event stream of the gateway for as long as it is wanted, through every failure of the line. */
import { createParser } from 'eventsource-parser';
import { backoffDelay } from '../../lib/backoff-delay.ts';
import { sleep } from '../../lib/sleep.ts';
import { isRefusal } from '../api-error.ts';
import { sendRequest } from '../send-request.ts';

/** The server sends something every 15 s; a line that is silent for longer than this is dead. */
export const MAX_SILENCE_MS = 25_000;

export interface FollowEventsOptions {
  path: string;
  apiKey: string | undefined;
  signal: AbortSignal;
  /** `data` is JSON; `id` the event's, for those that have one. */
  onEvent: (data: unknown, id: string | undefined) => void;
  /** The stream is open, or something came, if only a comment. */
  onPulse?: () => void;
  /** The stream ended or could not be opened; the next attempt follows. */
  onDown: () => void;
  /** Where an earlier reader of the same stream was. */
  lastEventId?: string | undefined;
}

/**
 * Resolves when the signal aborts.
 * @throws ApiError `refused` when the key does not open the stream (any more).
 */
export async function followEvents(options: FollowEventsOptions): Promise<void> {
  const { signal } = options;
  let { lastEventId } = options;
  let failures = 0;
  while (!signal.aborted) {
    try {
      await readEvents({ ...options, lastEventId }, (data, id) => {
        failures = 0;
        lastEventId = id ?? lastEventId;
        options.onEvent(data, id);
      });
    } catch (error) {
      if (isRefusal(error)) throw error;
    }
    if (signal.aborted) return;
    options.onDown();
    await sleep(backoffDelay(failures), signal);
    failures += 1;
  }
}

/** Resolves when the server ends the stream; rejects when it breaks, falls silent or sends what is no event. */
async function readEvents(
  { path, apiKey, signal, lastEventId, onPulse }: FollowEventsOptions,
  onEvent: FollowEventsOptions['onEvent'],
): Promise<void> {
  const connection = new AbortController();
  const giveUp = () => connection.abort();
  let silence = setTimeout(giveUp, MAX_SILENCE_MS);
  try {
    const response = await sendRequest(path, {
      signal: AbortSignal.any([signal, connection.signal]),
      accept: 'text/event-stream',
      apiKey,
      ...(lastEventId !== undefined && { headers: { 'last-event-id': lastEventId } }),
    });
    if (response.body === null) return;
    onPulse?.();
    const parser = createParser({ onEvent: ({ data, id }) => onEvent(JSON.parse(data), id) });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      clearTimeout(silence);
      silence = setTimeout(giveUp, MAX_SILENCE_MS);
      onPulse?.();
      parser.feed(chunk.value);
    }
  } finally {
    clearTimeout(silence);
    connection.abort();
  }
}
