import { GatewayError } from './errors.ts';

/**
 * Waits for `work`, which others may be waiting for too, until `signal` aborts; the work itself goes on.
 * @throws client_closed_request on abort.
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () =>
    reject(new GatewayError('client_closed_request', { message: 'The client closed the connection.' }));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
