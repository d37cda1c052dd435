/** Refusals of what operators ask of models. */
import type { AdminModel } from '../contract/admin.ts';
import { GatewayError } from '../errors.ts';

export function noSuchModel(name: string): GatewayError {
  return new GatewayError('model_not_found', {
    message: `There is no model or alias '${name}'. GET /api/admin/models lists the models of this server.`,
    param: 'key',
  });
}

export function isBuiltIn(id: string, consequence: string): GatewayError {
  return new GatewayError('model_is_built_in', {
    message: `The model '${id}' belongs to the gateway; ${consequence}.`,
    param: 'key',
  });
}

/**
 * Nothing may depend on a model whose files or entry shall go. `pending`: requests that were not answered yet.
 * @throws model_in_use saying what does.
 */
export function requireUnused({ id, files, replicas }: AdminModel, pending: number, isPreloaded = false): void {
  const running = replicas.filter(({ state }) => state !== 'stopped' && state !== 'failed');
  const reason =
    running.length > 0
      ? `runs on ${running.map(({ device }) => device).join(', ')}. Unload it first`
      : pending > 0
        ? 'has requests in progress. Try again when they are answered'
        : files.state === 'downloading'
          ? 'is being downloaded. Cancel the download first'
          : isPreloaded
            ? 'is one of PRELOAD_MODELS. Take it out of there first'
            : undefined;
  if (reason === undefined) return;
  throw new GatewayError('model_in_use', { message: `The model '${id}' ${reason}.`, param: 'key' });
}
