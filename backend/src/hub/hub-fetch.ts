/**
 * GET requests to the hub with redirects followed by hand, so that the token goes to the hub's own origin and to no
 * other: the hub redirects large files to storage hosts, and a mirror could redirect anywhere.
 */
import { GatewayError } from '../errors.ts';
import { checkToken } from './token.ts';

export interface HubAnswer {
  response: Response;
  /** The answer comes from an origin other than the hub's. */
  elsewhere: boolean;
  /** `X-Repo-Commit` of the hub's own answer, which may be the redirect. */
  commit: string | undefined;
}

export type HubFetch = (
  url: string,
  init: { headers?: RequestInit['headers']; signal: AbortSignal },
) => Promise<HubAnswer>;

export interface HubFetchOptions {
  /** The hub's address, with or without a path. */
  endpoint: string;
  token?: string | undefined;
  fetch?: typeof fetch | undefined;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Its result throws what `fetch` throws, and `hub_unreachable` for a redirect that is not followed. */
export function createHubFetch(options: HubFetchOptions): HubFetch {
  const home = new URL(options.endpoint);
  const authorization = options.token === undefined ? undefined : `Bearer ${checkToken(options.token)}`;
  const send = options.fetch ?? globalThis.fetch;

  return async (address, init) => {
    let url = new URL(address);
    let atHome = url.origin === home.origin;
    let commit: string | undefined;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const headers = new Headers(init.headers);
      headers.delete('authorization');
      if (atHome && authorization !== undefined) headers.set('authorization', authorization);
      const response = await send(url, { headers, signal: init.signal, redirect: 'manual' });
      if (atHome) commit ??= response.headers.get('x-repo-commit') ?? undefined;
      const location = response.headers.get('location');
      if (!REDIRECTS.has(response.status) || location === null) return { response, elsewhere: !atHome, commit };
      await response.body?.cancel();
      url = redirectTarget(location, url, home);
      // Once away, away: a host the hub does not control must not be able to send the token anywhere.
      atHome &&= url.origin === home.origin;
    }
    throw refused(`it redirected more than ${MAX_REDIRECTS} times`);
  };
}

/** The message never quotes an address: a signed one is a secret. */
function redirectTarget(location: string, from: URL, home: URL): URL {
  const target = URL.parse(location, from);
  if (target === null) throw refused('it redirected to something that is not an address');
  const allowed = home.protocol === 'https:' ? ['https:'] : ['http:', 'https:'];
  if (!allowed.includes(target.protocol)) throw refused(`it redirected to a ${target.protocol} address`);
  return target;
}

function refused(reason: string): GatewayError {
  return new GatewayError('hub_unreachable', { message: `The model hub's answer was refused: ${reason}.` });
}
