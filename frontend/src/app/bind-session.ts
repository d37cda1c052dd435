/** The cache and the event stream belong to a key: another one begins with neither. */
import type { QueryClient } from '@tanstack/react-query';
import { gpuSamples } from '../api/live/rings.ts';
import { forgetOperations } from '../api/operations.ts';
import { getSession, subscribeSession } from '../api/session.ts';
import { untilFetched } from '../lib/until-fetched.ts';
import { untilIdle } from '../lib/until-idle.ts';

export function bindSession(client: QueryClient): void {
  let bound: { key: string; stop: AbortController } | undefined;
  const bind = () => {
    const session = getSession();
    const key = session.state === 'signed-out' ? undefined : session.key;
    if (session.state === 'expired') bound?.stop.abort();
    const isBound = bound !== undefined && bound.key === key && !bound.stop.signal.aborted;
    if (isBound || session.state === 'expired') return;
    if (bound?.key !== key) forget(client);
    // What was refused in between is asked for again.
    else void client.invalidateQueries();
    bound?.stop.abort();
    bound = undefined;
    if (session.state !== 'signed-in') return;
    const stop = new AbortController();
    bound = { key: session.key, stop };
    if (session.role === 'admin') void startLive(session.key, client, stop.signal);
  };
  subscribeSession(bind);
  bind();
}

/**
 * The stream comes after the first screen, with which it would share the line and the processor, and whose answers it
 * would have fetched again before they are drawn: until then the screens poll.
 */
async function startLive(key: string, client: QueryClient, signal: AbortSignal): Promise<void> {
  await untilIdle();
  await untilFetched(client);
  await untilIdle();
  const [{ startLiveStream }, { followModelOperations }] = await Promise.all([
    import('../api/live/live-stream.ts'),
    import('../api/model-operations.ts'),
  ]);
  if (signal.aborted) return;
  signal.addEventListener('abort', followModelOperations(client));
  startLiveStream(key, client, signal);
}

/** What needs no key may stay. */
function forget(client: QueryClient): void {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'health' });
  client.getMutationCache().clear();
  gpuSamples.clear();
  forgetOperations();
}
