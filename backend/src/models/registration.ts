/** What families' registrars have in common: reading settings, judging and weighing the files of a repository. */
import { z } from 'zod';
import { GatewayError } from '../errors.ts';
import type { Registration } from './define-model.ts';

/** Settings that every family takes; `estimate_bytes` and `license` are worth stating where they are known. */
export const commonSettings = {
  license: z.string().trim().min(1).max(100).default('unknown'),
  /** A first guess of resident bytes. */
  estimate_bytes: z.int().min(1).optional(),
};

/** For the runtime, activations and buffers beside the weights. */
const RUNTIME_BYTES = 256 * 2 ** 20;

/** @throws invalid_value naming the setting. */
export function readSettings<S extends z.ZodType>({ settings }: Registration, schema: S): z.output<S> {
  const parsed = schema.safeParse(settings);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const param = ['settings', ...(issue?.path ?? []), ...unknown].join('.');
  throw new GatewayError('invalid_value', {
    message: `Invalid value for '${param}': ${issue?.message ?? 'not valid'}.`,
    param,
  });
}

/** @throws invalid_value listing the wanted files that the repository does not hold. */
export function requireFiles(
  { repo, revision }: Registration,
  files: ReadonlyMap<string, number>,
  wanted: readonly string[],
) {
  const missing = [...new Set(wanted)].filter((path) => !files.has(path));
  if (missing.length === 0) return;
  throw new GatewayError('invalid_value', {
    message: `Invalid value for 'repo': "${repo}" at revision "${revision}" does not hold ${missing.join(', ')}.`,
    param: 'repo',
    extra: { missing_files: missing },
  });
}

/** Of resident memory: the weights, and what comes to them. */
export function estimateBytes(files: ReadonlyMap<string, number>, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (files.get(name) ?? 0), RUNTIME_BYTES);
}
