/** `GET /v1/jobs/{id}/peaks`: the outline of the job's audio, or of a stem, for a page to draw. */
import { peaksQuery, waveformPeaks } from '../../contract/peaks.ts';
import type { JobService } from '../../jobs/job-service.ts';
import type { Waveforms } from '../../services/waveforms.ts';
import { errorResponses } from '../error-responses.ts';
import { ownerOf } from '../owner.ts';
import { parseQuery } from '../query.ts';
import type { Route } from '../route.ts';
import { idOf, jobPath } from './jobs.ts';

const DEFAULT_POINTS_PER_SECOND = 20;

export function jobPeaksRoute(jobs: JobService, waveforms: Waveforms): Route {
  return {
    method: 'get',
    path: '/v1/jobs/{id}/peaks',
    operation: {
      operationId: 'retrieveJobPeaks',
      summary: "The outline of the audio's waveform",
      tags: ['Jobs'],
      security: [{ bearer: [] }],
      requestParams: { path: jobPath, query: peaksQuery },
      responses: {
        '200': { description: 'At most 1 MB', content: { 'application/json': { schema: waveformPeaks } } },
        ...errorResponses(400, 401, 403, 404, 410, 503, 504, 507),
      },
    },
    handle: async (request, response) => {
      const query = parseQuery(peaksQuery, request.query);
      const job = await jobs.get(ownerOf(response), idOf(request.params));
      const peaks = await waveforms.read(job, {
        source: query.source ?? 'input',
        pointsPerSecond: query.points_per_second ?? DEFAULT_POINTS_PER_SECOND,
        start: query.start ?? 0,
        end: query.end,
      });
      response.set('cache-control', 'private, no-cache').json(peaks);
    },
  };
}
