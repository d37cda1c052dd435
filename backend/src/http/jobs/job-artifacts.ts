/** `GET /v1/jobs/{id}/artifacts/{name}`: a file the job left, whole or in part. */
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { ArtifactStore } from '../../jobs/artifacts.ts';
import type { JobService } from '../../jobs/job-service.ts';
import { errorResponses } from '../error-responses.ts';
import { ownerOf } from '../owner.ts';
import { contextOf } from '../request-context.ts';
import type { Route } from '../route.ts';
import { parseByteRange } from './byte-range.ts';
import { idOf, jobPath } from './jobs.ts';

export function jobArtifactsRoute(jobs: JobService, artifacts: ArtifactStore): Route {
  return {
    method: 'get',
    path: '/v1/jobs/{id}/artifacts/{name}',
    operation: {
      operationId: 'retrieveJobArtifact',
      summary: 'A file the job left',
      tags: ['Jobs'],
      security: [{ bearer: [] }],
      requestParams: { path: jobPath.extend({ name: z.string() }) },
      responses: {
        '200': {
          description: 'The file',
          content: { '*/*': { schema: z.unknown().meta({ description: 'Of the type that the job lists' }) } },
        },
        '206': {
          description: 'The part asked for by `Range`',
          content: { '*/*': { schema: z.unknown().meta({ description: 'Of the type that the job lists' }) } },
        },
        '304': { description: 'It is what `If-None-Match` names' },
        '416': { description: '`Range` lies outside of the file' },
        ...errorResponses(401, 403, 404, 503),
      },
    },
    handle: async (request, response) => {
      const { name } = request.params;
      // Looked up among the job's rows: a name never becomes a path.
      const file = await jobs.artifact(ownerOf(response), idOf(request.params), typeof name === 'string' ? name : '');
      const etag = `"${file.sha256}"`;
      response.set({
        'content-type': file.content_type,
        'content-disposition': `attachment; filename="${file.name}"`,
        'x-content-type-options': 'nosniff',
        'content-security-policy': 'sandbox',
        'cache-control': 'private, no-cache',
        'accept-ranges': 'bytes',
        etag,
      });
      const seen = request.headers['if-none-match'];
      if (
        seen !== undefined &&
        (seen === '*' || seen.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag))
      ) {
        response.status(304).end();
        return;
      }
      const validator = request.headers['if-range'];
      const asked = validator === undefined || validator === etag ? request.headers.range : undefined;
      const range = parseByteRange(asked, file.bytes);
      if (range === 'outside') {
        response.status(416).set('content-range', `bytes */${file.bytes}`).removeHeader('content-type');
        response.end();
        return;
      }
      const { start, end } = range ?? { start: 0, end: file.bytes - 1 };
      if (range !== undefined) response.status(206).set('content-range', `bytes ${start}-${end}/${file.bytes}`);
      response.set('content-length', String(end - start + 1));
      if (request.method === 'HEAD' || file.bytes === 0) {
        response.end();
        return;
      }
      const content = await artifacts.get(file.key, { start, end });
      const { signal } = contextOf(response);
      await pipeline(content, response, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    },
  };
}
