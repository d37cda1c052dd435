/** What a key may do: tasks by route, models by name. */
import type { KeyTask, Principal } from '../contract/keys.ts';
import { GatewayError } from '../errors.ts';

/** @throws insufficient_scope */
export function requireTask({ scopes }: Principal, task: KeyTask): void {
  if (scopes.tasks === null || scopes.tasks.includes(task)) return;
  throw new GatewayError('insufficient_scope', { message: `This API key may not be used for the task '${task}'.` });
}

export function mayUseModel({ scopes }: Principal, id: string): boolean {
  return scopes.models === null || scopes.models.includes(id);
}

/** @param id of the model itself, whatever alias it was called by. @throws insufficient_scope */
export function requireModel(principal: Principal, id: string): void {
  if (mayUseModel(principal, id)) return;
  throw new GatewayError('insufficient_scope', {
    message: `This API key may not use the model '${id}'. GET /v1/models lists those it may use.`,
    param: 'model',
  });
}
