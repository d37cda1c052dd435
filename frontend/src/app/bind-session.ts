/** The cache and the event stream belong to a key: another one begins with neither. */
import type { QueryClient } from '@tanstack/react-query';
import { startLiveStream } from '../api/live/live-stream.ts';
import { gpuSamples } from '../api/live/rings.ts';
import { getSession, subscribeSession } from '../api/session.ts';

export function bindSession(client: QueryClient): void {
  let bound: { key: string; stop: AbortController } | undefined;
  const bind = () => {
    const session = getSession();
    const key = session.state === 'signed-out' ? undefined : session.key;
    if (session.state === 'expired') bound?.stop.abort();
    const isBound = bound !== undefined && bound.key === key && !bound.stop.signal.aborted;
    if (isBound || session.state === 'expired') return;
    if (bound?.key !== key) forget(client);
    bound?.stop.abort();
    bound = undefined;
    if (session.state !== 'signed-in') return;
    bound = { key: session.key, stop: new AbortController() };
    if (session.role === 'admin') startLiveStream(session.key, client, bound.stop.signal);
  };
  subscribeSession(bind);
  bind();
}

/** What needs no key may stay. */
function forget(client: QueryClient): void {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'health' });
  client.getMutationCache().clear();
  gpuSamples.clear();
}
