import cors from 'cors';
import type { Request, RequestHandler } from 'express';
import { isAllowedOrigin } from './auth.ts';

/**
 * CORS for `/v1`: allowed origins get the headers, others get none and their browser refuses. The requested headers
 * are echoed, because what OpenAI's clients send (`x-stainless-*`) is an open list.
 */
export function corsForOpenAi(origins: readonly string[]): RequestHandler {
  return cors<Request>((request, done) => {
    const { origin } = request.headers;
    done(null, {
      origin: origin !== undefined && isAllowedOrigin(origin, request, origins) ? origin : false,
      methods: ['GET', 'POST', 'DELETE'],
      exposedHeaders: [
        'x-request-id',
        'openai-processing-ms',
        'retry-after',
        'x-should-retry',
        'location',
        'x-queue-position',
        'x-queue-eta-seconds',
        'x-model-fallback',
        'x-model-note',
        ...['requests', 'audio-seconds'].flatMap((unit) =>
          ['limit', 'remaining', 'reset'].map((what) => `x-ratelimit-${what}-${unit}`),
        ),
      ],
      maxAge: 600,
    });
  });
}
