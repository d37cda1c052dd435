/** How clients write the fields of a form. */
import type { z } from 'zod';
import { GatewayError } from '../../errors.ts';

/**
 * Lists come as `field[]` parts, or as one bare `field`; the official sample for Node sends `extra_body[field][]`.
 * multer has nested them; what is left is to make single values of list fields lists.
 */
export function flatFields(body: Readonly<Record<string, unknown>>, lists: readonly string[]): Record<string, unknown> {
  const { extra_body: extra, ...own } = body;
  const merged = { ...(typeof extra === 'object' && extra !== null ? extra : {}), ...own } as Record<string, unknown>;
  for (const name of lists) {
    const value = merged[name];
    if (typeof value === 'string') merged[name] = value === '' ? [] : [value];
  }
  return merged;
}

/** @throws missing_required_parameter */
export function requireModelField({ model }: Readonly<Record<string, unknown>>): void {
  if (model !== undefined) return;
  throw new GatewayError('missing_required_parameter', {
    message: 'You must provide a model parameter. GET /v1/models lists the models of this server.',
    param: 'model',
  });
}

export function firstIssue(error: z.ZodError): GatewayError {
  const [issue] = error.issues;
  const param = issue === undefined ? undefined : String(issue.path[0]);
  return new GatewayError('invalid_value', {
    message: `Invalid value for '${issue?.path.join('.') ?? 'request'}': ${issue?.message ?? 'not valid'}.`,
    param,
  });
}
