/** What makes two requests of one owner the same request: then they have the same result. */
import { createHash } from 'node:crypto';
import type { ModelIdentity } from '../registry/model-identity.ts';

/** Raised whenever the same input would give another result: a pipeline, a rule or a default has changed. */
const RESULT_VERSION = 1;

export interface RequestIdentity {
  owner: string;
  task: string;
  /** Those it takes, in their order. */
  models: readonly ModelIdentity[];
  inputSha256: string;
  /** Plain JSON of everything that bears on the result. */
  params: object;
}

export function requestKey({ owner, task, models, inputSha256, params }: RequestIdentity): string {
  const parts = [RESULT_VERSION, owner, task, sorted(models), inputSha256, sorted(params)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Members in the order of their names, those that are undefined left out. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, member]) => [name, sorted(member)]);
}
