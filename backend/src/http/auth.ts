/** Who may come in: `/v1` with a user or admin key (or anonymously on loopback), `/api` with an admin key, always. */
import type { Request, RequestHandler } from 'express';
import { GatewayError } from '../errors.ts';

export interface KeyDirectory {
  readonly hasUserKeys: boolean;
  identify(presented: string): 'user' | 'admin' | undefined;
}

export interface AuthOptions {
  keys: KeyDirectory;
  /** The address the server listens on is this machine's own. */
  listensOnLoopback: boolean;
  corsOrigins: readonly string[];
}

const PROXY_HEADERS = /^(forwarded|x-forwarded-.*|x-real-ip)$/;

export function requireUser(options: AuthOptions): RequestHandler {
  return (request, _response, next) => {
    const key = presentedKey(request);
    const role = key === undefined ? undefined : options.keys.identify(key);
    if (role === undefined) {
      if (options.keys.hasUserKeys) throw key === undefined ? missingKey() : wrongKey(key);
      allowAnonymous(request, options);
    }
    next();
  };
}

export function requireAdmin({ keys }: Pick<AuthOptions, 'keys'>): RequestHandler {
  return (request, _response, next) => {
    const key = presentedKey(request);
    if (key === undefined) throw missingKey();
    const role = keys.identify(key);
    if (role === undefined) throw wrongKey(key);
    if (role !== 'admin') {
      throw new GatewayError('admin_key_required', {
        message: 'This route needs an admin key (ADMIN_API_KEYS); the key you sent opens /v1 only.',
      });
    }
    next();
  };
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

function presentedKey(request: Request): string | undefined {
  const match = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '');
  return match?.[1];
}

function missingKey(): GatewayError {
  return new GatewayError('missing_api_key', {
    message: "You didn't provide an API key. Send it in an Authorization header: Authorization: Bearer YOUR_KEY.",
  });
}

function wrongKey(key: string): GatewayError {
  // Enough to tell one's own keys apart, too little to use; a short key is masked whole.
  const shown = key.length >= 16 ? `${key.slice(0, 4)}***${key.slice(-2)}` : '***';
  return new GatewayError('invalid_api_key', { message: `Incorrect API key provided: ${shown}.` });
}
