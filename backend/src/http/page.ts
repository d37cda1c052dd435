/** The dashboard's built files, with the headers a page of an admin tool should have. */
import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';

const SHARED_HEADERS = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
/** Stands in `index.html` where the nonce belongs. */
const NONCE_PLACE = '{{style-nonce}}';
/** Vite puts a hash into the names of these. */
const ASSETS = '/assets/';
const ENCODINGS = [
  { name: 'br', extension: '.br' },
  { name: 'gzip', extension: '.gz' },
] as const;
/** Paths of the gateway's own API: a browser that strays there gets its JSON, not the page. */
const API = /^\/(api|v1|metrics|health|openapi\.json|assets)(\/|$)/i;
const SCREEN = /^(\/[\w-]+(\/[^/]+)*\/?)?$/;

export function dashboardPage(dist: string): RequestHandler {
  const router = Router();
  router.get(`${ASSETS}*name`, precompressed(dist));
  router.use(
    express.static(dist, {
      index: false,
      redirect: false,
      // Each is read whole, and `boot.js` compressed.
      acceptRanges: false,
      setHeaders: (response, path) => {
        response.set(SHARED_HEADERS);
        const isHashed = /[\\/]assets[\\/]/.test(path);
        response.setHeader('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    }),
  );
  router.get('*path', async (request, response, next) => {
    const html = wantsPage(request) ? await readText(join(dist, 'index.html')) : undefined;
    if (html === undefined) return next();
    sendPage(html, response);
  });
  return (request, response, next) => {
    // As a file it would come without its nonce.
    if (request.path === '/index.html') request.url = '/';
    router(request, response, next);
  };
}

/**
 * A fresh nonce for the styles that scripts insert; scripts are files and need none. Never kept: after a 304 the old
 * body would meet the new nonce.
 */
function sendPage(html: string, response: Response): void {
  const nonce = randomBytes(16).toString('base64');
  response
    .set({
      ...SHARED_HEADERS,
      'content-security-policy': contentSecurityPolicy(nonce),
      'permissions-policy': 'microphone=(self)',
      'cache-control': 'no-store',
    })
    .type('html')
    .send(html.replaceAll(NONCE_PLACE, nonce));
}

function contentSecurityPolicy(styleNonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${styleNonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self' blob:",
    "media-src 'self' blob:",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** The root for anybody; the address of a screen for a browser that navigates, so that a mistyped API path stays a 404. */
function wantsPage(request: Request): boolean {
  if (request.path === '/') return true;
  const navigates = request.headers.accept?.includes('text/html') === true;
  return navigates && SCREEN.test(request.path) && !API.test(request.path);
}

/** Sends the file that the build compressed, where there is one and the client takes it. */
function precompressed(dist: string): RequestHandler {
  return async (request, response, next) => {
    const path = normalize(request.path);
    response.vary('accept-encoding');
    for (const { name, extension } of ENCODINGS) {
      if (!path.startsWith(ASSETS) || request.acceptsEncodings(name) !== name) continue;
      const isThere = await stat(join(dist, path + extension)).catch(() => undefined);
      if (isThere === undefined) continue;
      response.type(extname(path)).setHeader('content-encoding', name);
      request.url = path + extension;
      break;
    }
    next();
  };
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
