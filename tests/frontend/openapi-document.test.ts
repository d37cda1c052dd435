import { expect, test } from 'vitest';
import {
  curlOf,
  findOperations,
  type Operation,
  openApiDocument,
  typeText,
} from '../../frontend/src/lib/openapi-document.ts';

const operation = (operationId: string, tag: string, more: object = {}) => ({
  operationId,
  summary: `does ${operationId}`,
  tags: [tag],
  responses: { '200': { description: 'done' } },
  ...more,
});
const json = (schema: object) => ({ requestBody: { content: { 'application/json': { schema } } } });

const DOCUMENT = openApiDocument.parse({
  openapi: '3.1.1',
  info: { title: 'Audio Gateway', version: '1' },
  paths: {
    '/health': { get: operation('health', 'Operations') },
    '/v1/jobs/{id}': {
      get: operation('retrieveJob', 'Jobs', { security: [{ bearer: [] }] }),
      delete: operation('deleteJob', 'Jobs', { security: [{ bearer: [] }] }),
    },
    '/v1/jobs/bulk': {
      post: operation('actOnJobs', 'Jobs', {
        security: [{ bearer: [] }],
        ...json({ $ref: '#/components/schemas/Bulk' }),
      }),
    },
    '/v1/audio/transcriptions': {
      post: operation('transcribe', 'Audio', {
        requestBody: {
          content: {
            'multipart/form-data': {
              schema: { type: 'object', properties: { file: {}, model: {}, prompt: {} }, required: ['model'] },
            },
          },
        },
      }),
    },
  },
  components: {
    schemas: {
      Bulk: {
        type: 'object',
        properties: {
          action: { enum: ['cancel', 'retry'] },
          ids: { type: 'array', items: { type: 'string' } },
          note: { type: 'string' },
        },
        required: ['action', 'ids'],
      },
    },
  },
});
const ids = (query: string) =>
  findOperations(DOCUMENT, query).map(({ name, operations }) => [name, operations.map((each) => each.operationId)]);
const one = (id: string): Operation => {
  const found = findOperations(DOCUMENT)
    .flatMap(({ operations }) => operations)
    .find(({ operationId }) => operationId === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
};

test('operations stand under their tags, and every word must be found', () => {
  expect(ids('')).toEqual([
    ['Operations', ['health']],
    ['Jobs', ['retrieveJob', 'deleteJob', 'actOnJobs']],
    ['Audio', ['transcribe']],
  ]);
  expect(ids('jobs DELETE')).toEqual([['Jobs', ['deleteJob']]]);
  expect(ids('jobs nothing')).toEqual([]);
});

test('types are written in a line', () => {
  expect(typeText({ anyOf: [{ type: 'string' }, { type: 'null' }] })).toBe('string | null');
  expect(typeText({ type: 'array', items: { $ref: '#/components/schemas/Job' } })).toBe('Job[]');
  expect(typeText({ type: 'array', items: { type: ['string', 'null'] } })).toBe('(string | null)[]');
  expect(typeText({ enum: ['a', 'b'] })).toBe('"a" | "b"');
  expect(typeText({ type: 'string', format: 'date' })).toBe('string (date)');
});

test('curl sends the key as a variable, and the least body', () => {
  const origin = 'http://host:8000';
  expect(curlOf(DOCUMENT, one('health'), origin)).toBe('curl http://host:8000/health');
  expect(curlOf(DOCUMENT, one('actOnJobs'), origin)).toBe(
    [
      'curl -X POST http://host:8000/v1/jobs/bulk',
      '-H "Authorization: Bearer $API_KEY"',
      '-H "Content-Type: application/json"',
      `-d '{"action":"cancel","ids":["…"]}'`,
    ].join(' \\\n  '),
  );
  expect(curlOf(DOCUMENT, one('transcribe'), origin)).toBe(
    ['curl -X POST http://host:8000/v1/audio/transcriptions', '-F file=@audio.wav', '-F model=…'].join(' \\\n  '),
  );
});
