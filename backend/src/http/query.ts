/** The query string of a request, checked. */
import type { z } from 'zod';
import { GatewayError } from '../errors.ts';

/** @throws invalid_value */
export function parseQuery<S extends z.ZodType>(schema: S, query: unknown): z.output<S> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const param = String(issue?.path[0] ?? '');
  throw new GatewayError('invalid_value', { message: `Invalid value for '${param}': ${issue?.message}.`, param });
}
