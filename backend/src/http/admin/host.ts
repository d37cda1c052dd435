/** `GET /api/admin/host`: processors, memory and disks of the machine. */
import { type Host, host } from '../../contract/host.ts';
import { errorResponses } from '../error-responses.ts';
import type { Route } from '../route.ts';

export function adminHostRoute(machine: { read(): Promise<Host> }): Route {
  return {
    method: 'get',
    path: '/api/admin/host',
    operation: {
      operationId: 'host',
      summary: "The machine's processors, memory and disks",
      tags: ['Admin'],
      security: [{ bearer: [] }],
      responses: {
        '200': { description: 'At most three seconds old', content: { 'application/json': { schema: host } } },
        ...errorResponses(401, 403, 500, 503),
      },
    },
    handle: async (_request, response) => {
      response.json(await machine.read());
    },
  };
}
