/** Who may come in: `/v1` with a user or admin key (or anonymously on loopback), `/api` and `/metrics` never without one. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { ANONYMOUS, type Principal } from '../contract/keys.ts';
import { GatewayError } from '../errors.ts';
import { allowanceHeaders, rateExceeded } from '../rate-limits.ts';
import { contextOf } from './request-context.ts';
import { principalOfTicket, type TicketDirectory } from './ticket-auth.ts';

export interface KeyDirectory {
  /** Whether anybody is to send a key. */
  hasUserKeys(): Promise<boolean>;
  /** @throws api_key_revoked, api_key_expired */
  identify(presented: string): Promise<Principal | undefined>;
}

export interface RequestRate {
  allowed: boolean;
  limit: number;
  remaining: number;
  waitSeconds: number;
  resetSeconds: number;
}

export interface AuthOptions {
  keys: KeyDirectory;
  /** For what cannot send a key: addresses that open one file. */
  tickets: TicketDirectory;
  /** Counts a request of a key that has a limit. */
  takeRequest(owner: string, perMinute: number): Promise<RequestRate>;
  /** The address the server listens on is this machine's own. */
  listensOnLoopback: boolean;
  corsOrigins: readonly string[];
  /** Opens `/metrics` and nothing else; undefined: an admin key alone does. */
  metricsToken?: string | undefined;
}

const PROXY_HEADERS = /^(forwarded|x-forwarded-.*|x-real-ip)$/;

export function requireUser(options: AuthOptions): RequestHandler {
  return async (request, response, next) => {
    const key = presentedKey(request);
    const principal =
      key === undefined
        ? await principalOfTicket(request, response, options.tickets)
        : await options.keys.identify(key);
    if (principal === undefined || principal === ANONYMOUS) {
      if (await options.keys.hasUserKeys()) throw key === undefined ? missingKey() : wrongKey(key);
      allowAnonymous(request, options);
    }
    admit(response, principal ?? ANONYMOUS);
    await countRequest(response, principal ?? ANONYMOUS, options);
    next();
  };
}

export function requireAdmin({ keys }: Pick<AuthOptions, 'keys'>): RequestHandler {
  return async (request, response, next) => {
    const key = presentedKey(request);
    if (key === undefined) throw missingKey();
    const principal = await keys.identify(key);
    if (principal === undefined) throw wrongKey(key);
    if (principal.role !== 'admin') {
      throw new GatewayError('admin_key_required', {
        message: 'This route needs an admin key; the key you sent opens /v1 only.',
      });
    }
    admit(response, principal);
    next();
  };
}

/** `/metrics` with its own token, which whatever scrapes may hold, or with an admin key. */
export function requireMetricsReader(options: Pick<AuthOptions, 'keys' | 'metricsToken'>): RequestHandler {
  const { metricsToken } = options;
  const requireAdminKey = requireAdmin(options);
  return (request, response, next) => {
    const key = presentedKey(request);
    if (key !== undefined && metricsToken !== undefined && isSame(key, metricsToken)) return next();
    return requireAdminKey(request, response, next);
  };
}

/** In a time that tells nothing of either. */
function isSame(a: string, b: string): boolean {
  const [hashA, hashB] = [a, b].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(hashA, hashB);
}

function admit(response: Response, principal: Principal): void {
  const context = contextOf(response);
  context.principal = principal;
  context.fields.key_id = principal.id;
}

async function countRequest(
  response: Response,
  { id, limits }: Principal,
  { takeRequest }: Pick<AuthOptions, 'takeRequest'>,
): Promise<void> {
  if (limits.requests_per_minute === null) return;
  const { allowed, waitSeconds, ...rate } = await takeRequest(id, limits.requests_per_minute);
  const allowance = { unit: 'requests' as const, ...rate };
  if (!allowed) throw rateExceeded(allowance, waitSeconds);
  response.set(allowanceHeaders(allowance));
}

/** Whether the `Host` header names this machine; else a web page could reach the server through a name it controls. */
export function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host);
}

/** An origin is the server's own when it names the very host and port the request came to. */
export function isAllowedOrigin(origin: string, request: Request, corsOrigins: readonly string[]): boolean {
  const host = request.headers.host;
  return corsOrigins.includes(origin) || origin === `http://${host}` || origin === `https://${host}`;
}

/** Without keys the server answers this machine's own programs, not web pages and not what a proxy brings in. */
function allowAnonymous(request: Request, { listensOnLoopback, corsOrigins }: AuthOptions): void {
  if (!listensOnLoopback || !isLoopbackHost(request.headers.host)) {
    throw new GatewayError('api_keys_not_configured', {
      message:
        'This server has no API keys and answers without one on loopback only. Its operator must set OPENAI_API_KEYS.',
    });
  }
  if (Object.keys(request.headers).some((name) => PROXY_HEADERS.test(name))) {
    throw new GatewayError('proxy_not_allowed', {
      message:
        'This server has no API keys and does not answer through a proxy. Its operator must set OPENAI_API_KEYS.',
    });
  }
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const isForeign =
    origin === undefined
      ? site === 'cross-site' || site === 'same-site'
      : !isAllowedOrigin(origin, request, corsOrigins);
  if (isForeign) {
    throw new GatewayError('origin_not_allowed', {
      message: 'Web pages of this origin may not call this server. Its operator can list the origin in CORS_ORIGINS.',
    });
  }
}

/** A bearer counts before `X-API-Key`: some clients send an Authorization of their own that is none. */
function presentedKey(request: Request): string | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  const header = request.headers['x-api-key'];
  return bearer ?? (typeof header === 'string' ? /^\S+$/.exec(header)?.[0] : undefined);
}

function missingKey(): GatewayError {
  return new GatewayError('missing_api_key', {
    message:
      "You didn't provide an API key. Send it in an Authorization header (Authorization: Bearer YOUR_KEY), or as X-API-Key.",
  });
}

function wrongKey(key: string): GatewayError {
  // Enough to tell one's own keys apart, too little to use; a short key is masked whole.
  const shown = key.length >= 16 ? `${key.slice(0, 4)}***${key.slice(-2)}` : '***';
  return new GatewayError('invalid_api_key', { message: `Incorrect API key provided: ${shown}.` });
}
