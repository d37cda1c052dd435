/** The webhooks themselves, as OpenAPI describes requests that a server makes. */
import type { ZodOpenApiObject } from 'zod-openapi';
import { webhookEvent, webhookHeaders, webhookTestEvent } from '../../contract/webhooks.ts';

export const webhookDescriptions: NonNullable<ZodOpenApiObject['webhooks']> = {
  webhookTest: {
    post: {
      operationId: 'webhookTest',
      summary: 'Somebody wants to see whether webhooks arrive: `POST /v1/webhooks/test`',
      tags: ['Webhooks'],
      requestParams: { header: webhookHeaders },
      requestBody: { content: { 'application/json': { schema: webhookTestEvent } } },
      responses: { '2XX': { description: 'It was taken; it is sent once, whatever the answer' } },
    },
  },
  jobEnded: {
    post: {
      operationId: 'jobEnded',
      summary: 'A job has ended',
      tags: ['Webhooks'],
      requestParams: { header: webhookHeaders },
      requestBody: { content: { 'application/json': { schema: webhookEvent } } },
      responses: {
        '2XX': { description: 'It was taken; anything else, a redirect too, has it sent again later' },
        '410': { description: 'Nobody wants it: it is not sent again' },
      },
    },
  },
};
