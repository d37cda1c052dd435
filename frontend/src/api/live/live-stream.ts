/**
 * The operator's events, from one connection for all tabs of a browser. The tab that holds a Web Lock reads the stream
 * and relays the events (never the key) over a channel that only tabs with the same key listen to; where locks are not
 * to be had (plain HTTP), every tab reads for itself and lets go while it is hidden.
 */
import { type AdminEvent, adminEvent } from '@contract/admin.ts';
import type { QueryClient } from '@tanstack/react-query';
import { isKeyRefusal } from '../api-error.ts';
import { expireSession } from '../session.ts';
import { createDispatch, refreshLive } from './dispatch.ts';
import { followEvents, MAX_SILENCE_MS } from './follow-events.ts';
import { type StreamState, setStreamState } from './stream-state.ts';

const PATH = '/api/admin/events';
const HIDDEN_MS = 60_000;
/** A follower hears of its leader at least this often. */
const PULSE_MS = 5_000;

type Relayed =
  | { type: 'event'; event: AdminEvent; id: string | undefined }
  | { type: 'state'; state: StreamState }
  | { type: 'pulse' }
  /** A tab that has just come asks how things are. */
  | { type: 'hello' };

interface Sink {
  event(event: AdminEvent, id: string | undefined): void;
  state(state: StreamState): void;
  pulse(): void;
}

/** Until the signal aborts: events go through the rules, and the state of the stream is kept. */
export function startLiveStream(apiKey: string, client: QueryClient, signal: AbortSignal): void {
  setStreamState('connecting');
  signal.addEventListener('abort', () => setStreamState('off'));
  const dispatch = createDispatch(client);
  const own: Sink = {
    event: dispatch,
    state: (state) => {
      setStreamState(state);
      if (state === 'down') refreshLive(client);
    },
    // A stream that resumes may have nothing to say.
    pulse: () => setStreamState('open'),
  };
  if (navigator.locks === undefined || typeof BroadcastChannel === 'undefined') {
    readWhileVisible(apiKey, own, signal);
    return;
  }
  void fingerprint(apiKey).then((print) => {
    if (!signal.aborted) shareStream(`agw-live-${print}`, apiKey, own, client, signal);
  });
}

function shareStream(name: string, apiKey: string, own: Sink, client: QueryClient, signal: AbortSignal): void {
  const channel = new BroadcastChannel(name);
  const post = (message: Relayed) => channel.postMessage(message);
  let lastEventId: string | undefined;
  let leads = false;
  let state: StreamState = 'connecting';
  let silence: ReturnType<typeof setTimeout> | undefined;
  const expectPulse = () => {
    clearTimeout(silence);
    if (!leads) silence = setTimeout(() => own.state('down'), MAX_SILENCE_MS);
  };

  channel.onmessage = ({ data }: MessageEvent<Relayed>) => {
    if (leads) {
      if (data.type === 'hello') post({ type: 'state', state });
      return;
    }
    expectPulse();
    if (data.type === 'event') {
      lastEventId = data.id ?? lastEventId;
      own.event(data.event, data.id);
    } else if (data.type === 'state') {
      own.state(data.state);
    } else if (data.type === 'pulse') {
      own.pulse();
    }
  };
  signal.addEventListener('abort', () => {
    clearTimeout(silence);
    channel.close();
  });

  let relayedAt = 0;
  const relay: Sink = {
    event: (event, id) => {
      own.event(event, id);
      post({ type: 'event', event, id });
      relayedAt = Date.now();
    },
    state: (next) => {
      state = next;
      own.state(next);
      post({ type: 'state', state: next });
    },
    pulse: () => {
      own.pulse();
      if (state !== 'open') {
        state = 'open';
        post({ type: 'state', state });
      }
      if (Date.now() - relayedAt < PULSE_MS) return;
      relayedAt = Date.now();
      post({ type: 'pulse' });
    },
  };

  post({ type: 'hello' });
  expectPulse();
  navigator.locks
    .request(name, { signal }, async () => {
      leads = true;
      clearTimeout(silence);
      // The leader that went may have taken events with it.
      if (lastEventId !== undefined) refreshLive(client);
      await read(apiKey, relay, signal, lastEventId);
    })
    .catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
}

/** A browser has six connections to a server: a tab nobody looks at must not hold one. */
function readWhileVisible(apiKey: string, sink: Sink, signal: AbortSignal): void {
  let reading: AbortController | undefined;
  let hiding: ReturnType<typeof setTimeout> | undefined;
  const update = () => {
    clearTimeout(hiding);
    if (document.visibilityState === 'hidden') {
      hiding = setTimeout(() => {
        reading?.abort();
        reading = undefined;
        sink.state('connecting');
      }, HIDDEN_MS);
    } else if (reading === undefined) {
      reading = new AbortController();
      void read(apiKey, sink, AbortSignal.any([signal, reading.signal]));
    }
  };
  document.addEventListener('visibilitychange', update, { signal });
  signal.addEventListener('abort', () => clearTimeout(hiding));
  update();
}

async function read(apiKey: string, sink: Sink, signal: AbortSignal, lastEventId?: string): Promise<void> {
  try {
    await followEvents({
      path: PATH,
      apiKey,
      signal,
      lastEventId,
      onEvent: (data, id) => {
        const event = adminEvent.safeParse(data);
        // A newer server may send what this page does not know yet.
        if (event.success) sink.event(event.data, id);
      },
      onPulse: () => sink.pulse(),
      onDown: () => sink.state('down'),
    });
  } catch (error) {
    sink.state('down');
    if (isKeyRefusal(error)) expireSession(apiKey, error);
  }
}

/** Enough of the key's SHA-256 to keep tabs with different keys apart. */
async function fingerprint(apiKey: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(apiKey));
  return [...new Uint8Array(hash).slice(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
