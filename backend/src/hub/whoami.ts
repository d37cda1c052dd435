import { GatewayError } from '../errors.ts';
import { createHubFetch } from './hub-fetch.ts';

export interface WhoamiOptions {
  endpoint: string;
  token: string;
  signal: AbortSignal;
  fetch?: typeof fetch | undefined;
}

const TIMEOUT_MS = 10_000;
const MAX_NAME_LENGTH = 100;

/**
 * The name of the account that a token belongs to; undefined when the hub refuses the token.
 * Throws `hub_unreachable` when it does not say, as a mirror may not.
 */
export async function whoami({ endpoint, token, signal, fetch }: WhoamiOptions): Promise<string | undefined> {
  const hubFetch = createHubFetch({ endpoint, token, fetch });
  const limited = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const { response } = await hubFetch(`${endpoint}/api/whoami-v2`, { signal: limited });
    if (response.status === 401 || response.status === 403) {
      await response.body?.cancel();
      return undefined;
    }
    const { name }: { name?: unknown } = JSON.parse(await response.text());
    if (response.ok && typeof name === 'string' && name !== '') return name.slice(0, MAX_NAME_LENGTH);
    throw new Error(`status ${response.status}`);
  } catch (cause) {
    signal.throwIfAborted();
    throw new GatewayError('hub_unreachable', {
      message: 'The model hub does not say whose token it is.',
      cause,
    });
  }
}
