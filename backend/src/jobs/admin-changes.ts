/** Changes of rows, by the ids that callers know the rows by. */
import { type Change, parseChange } from '../store/changes.ts';
import { publicJobId } from './job-id.ts';
import { publicId } from './public-id.ts';
import { DELIVERY_PREFIX, SECRET_PREFIX } from './webhook-service.ts';

/** @param payload undefined: something may have been missed */
export function tellChange(payload: string | undefined, tell: (change: Change | undefined) => void): void {
  const change = payload === undefined ? undefined : parseChange(payload);
  if (change !== undefined) tell({ ...change, id: publicIdOf(change) });
  else if (payload === undefined) tell(undefined);
}

function publicIdOf({ entity, id }: Change): string {
  if (entity === 'job') return publicJobId(id);
  if (entity === 'webhook') return publicId(DELIVERY_PREFIX, id);
  return entity === 'webhook_secret' ? publicId(SECRET_PREFIX, id) : id;
}
