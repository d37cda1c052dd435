/** The JSON body of a request, checked. */
import express, { type Request, type Response } from 'express';
import type { z } from 'zod';
import { GatewayError } from '../errors.ts';
import { acceptBody } from './expect-continue.ts';

const MAX_BODY_BYTES = 256 * 1024;
const parse = express.json({ limit: MAX_BODY_BYTES, strict: true, type: () => true });

/** No body at all counts as `{}`. @throws invalid_json, invalid_value, request_too_large */
export async function readJson<S extends z.ZodType>(
  request: Request,
  response: Response,
  schema: S,
): Promise<z.output<S>> {
  acceptBody(request, response);
  await new Promise<void>((resolve, reject) => {
    parse(request, response, (error: unknown) => (error === undefined ? resolve() : reject(fromParser(error))));
  });
  const parsed = schema.safeParse(request.body ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys : [];
  const path = [...(issue?.path ?? []), ...unknown.slice(0, 1)].join('.');
  throw new GatewayError('invalid_value', {
    message: `Invalid value for '${path === '' ? 'body' : path}': ${issue?.message ?? 'not valid'}.`,
    param: path === '' ? undefined : path,
  });
}

function fromParser(error: unknown): GatewayError {
  if (error instanceof Error && 'type' in error && error.type === 'entity.too.large') {
    return new GatewayError('request_too_large', {
      message: `Maximum content size limit (${MAX_BODY_BYTES}) exceeded.`,
    });
  }
  return new GatewayError('invalid_json', { message: 'The request body must be a JSON object.', cause: error });
}
