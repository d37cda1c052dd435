/** GET with redirects followed by hand: each hop passes the guard, and credentials go to the first origin alone. */
import type { IncomingMessage } from 'node:http';
import type { AddressGuard } from './address-guard.ts';
import { guardedRequest, OutboundFailure } from './guarded-request.ts';

export interface GetOptions {
  guard: AddressGuard;
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

export interface Answer {
  /** Its body is not read yet. */
  response: IncomingMessage;
  /** Where it came from after all redirects. */
  url: URL;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** @throws AddressRefused, OutboundFailure, the signal's reason. */
export async function getUrl(first: URL, options: GetOptions): Promise<Answer> {
  let url = first;
  let atHome = true;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await guardedRequest({ ...options, method: 'GET', url });
    const { location } = response.headers;
    if (!REDIRECTS.has(response.statusCode ?? 0) || location === undefined) return { response, url };
    response.destroy();
    url = redirectTarget(location, url);
    // Once away, away: another host must not be able to send the credentials anywhere.
    atHome &&= url.origin === first.origin;
    url.username = atHome ? first.username : '';
    url.password = atHome ? first.password : '';
  }
  throw new OutboundFailure(`it redirected more than ${MAX_REDIRECTS} times`, { final: true });
}

function redirectTarget(location: string, from: URL): URL {
  const target = URL.parse(location, from);
  if (target === null) throw new OutboundFailure('it redirected to something that is not an address', { final: true });
  return target;
}
