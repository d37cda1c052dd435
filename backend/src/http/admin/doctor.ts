import { type DoctorReport, doctorReport } from '../../contract/doctor.ts';
import { errorResponses } from '../error-responses.ts';
import type { Route } from '../route.ts';

export function adminDoctorRoute(doctor: { report(): Promise<DoctorReport> }): Route {
  return {
    method: 'get',
    path: '/api/admin/doctor',
    operation: {
      operationId: 'adminDoctor',
      summary: 'Examines everything the gateway needs, and says what mends it; at most 10 s old',
      tags: ['Admin'],
      security: [{ bearer: [] }],
      responses: {
        '200': {
          description: 'The findings, also when something fails',
          content: { 'application/json': { schema: doctorReport } },
        },
        ...errorResponses(401, 403, 500, 503),
      },
    },
    handle: async (_request, response) => {
      response.set('cache-control', 'no-store').json(await doctor.report());
    },
  };
}
