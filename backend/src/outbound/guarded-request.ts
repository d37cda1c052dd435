/** One HTTP request to an address the guard has allowed: resolved once, and connected to exactly that. */
import * as http from 'node:http';
import * as https from 'node:https';
import type { LookupFunction } from 'node:net';
import { unescape as percentDecode } from 'node:querystring';
import { abortable } from '../abortable.ts';
import { type AddressGuard, hostOf, type ResolvedAddress } from './address-guard.ts';

export interface GuardedRequest {
  method: 'GET' | 'POST';
  /** Its user and password, when it has them, are sent as basic authentication. */
  url: URL;
  guard: AddressGuard;
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** Ends the request, and the response while it is read. */
  signal: AbortSignal;
}

/** The other side, or the way to it, failed. The message completes "it failed: " and is safe for callers. */
export class OutboundFailure extends Error {
  override readonly name = 'OutboundFailure';
  /** Another try would fail alike. */
  readonly final: boolean;

  constructor(message: string, options: { cause?: unknown; final: boolean }) {
    super(message, { cause: options.cause });
    this.final = options.final;
  }
}

const USER_AGENT = 'audio-gateway';

/**
 * The response, its body not read yet; redirects are answers like others. The caller reads it or destroys it.
 * @throws AddressRefused, OutboundFailure, the signal's reason.
 */
export async function guardedRequest(options: GuardedRequest): Promise<http.IncomingMessage> {
  const { url, guard, signal } = options;
  try {
    return await send(options, await abortable(guard.resolve(url), signal));
  } catch (error) {
    signal.throwIfAborted();
    throw asFailure(error);
  }
}

/** The body's pieces. @throws OutboundFailure when the connection breaks, also by the request's signal. */
export async function* readBody(response: http.IncomingMessage): AsyncGenerator<Buffer, void> {
  try {
    yield* response;
  } catch (error) {
    throw asFailure(error);
  }
}

function send(
  { method, url, headers, body, signal }: GuardedRequest,
  addresses: ResolvedAddress[],
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http;
    const sent = request({
      method,
      protocol: url.protocol,
      hostname: hostOf(url),
      port: url.port,
      path: `${url.pathname}${url.search}`,
      headers: { 'user-agent': USER_AGENT, ...basicAuthorization(url), ...headers, host: url.host },
      lookup: answering(addresses),
      // A connection of its own: one taken from a pool would have been made to some earlier answer of the resolver.
      agent: false,
      signal,
    });
    sent.once('response', resolve);
    // Stays for the whole exchange: a server may answer and then reset while the body is still being sent.
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A lookup that knows the answer. Node does not ask it for literal addresses, which the guard has seen too. */
function answering(addresses: ResolvedAddress[]): LookupFunction {
  return (host, { all }, callback) => {
    const [first] = addresses;
    if (first === undefined) callback(Object.assign(new Error(`no address for ${host}`), { code: 'ENOTFOUND' }), '');
    else if (all) callback(null, addresses);
    else callback(null, first.address, first.family);
  };
}

function basicAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const credentials = `${percentDecode(username)}:${percentDecode(password)}`;
  return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
}

/** Errors without a code are not the network's. */
function asFailure(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') return error;
  if (code === 'ENOTFOUND') return new OutboundFailure('its host name is not known', { cause: error, final: true });
  if (/CERT|UNABLE_TO_VERIFY/.test(code)) {
    return new OutboundFailure(`its certificate was not accepted (${code})`, { cause: error, final: true });
  }
  return new OutboundFailure(`the connection failed (${code})`, { cause: error, final: false });
}
