import type { AdminModel } from '../../backend/src/contract/admin.ts';
import type { ModelRegistry } from '../../backend/src/registry/registry.ts';

const TIMEOUT_MS = 30_000;

export type ModelState = AdminModel & { replica: AdminModel['replicas'][number] & { queued: number } };

export function modelState(registry: ModelRegistry, id = 'fake/echo'): ModelState {
  const model = registry.describe(id);
  const replica = model?.replicas[0];
  if (model === undefined || replica === undefined) throw new Error(`there is no model ${id}`);
  return { ...model, replica: { ...replica, queued: model.queued } };
}

/** Resolves as soon as the model's state is one that `holds`. */
export async function whenModel(
  registry: ModelRegistry,
  holds: (model: ModelState) => boolean,
  id?: string,
): Promise<ModelState> {
  const { promise, resolve, reject } = Promise.withResolvers<ModelState>();
  const look = () => {
    const model = modelState(registry, id);
    if (holds(model)) resolve(model);
  };
  const timer = setTimeout(() => {
    reject(new Error(`the state never came; it is ${JSON.stringify(modelState(registry, id))}`));
  }, TIMEOUT_MS);
  const stop = registry.onChange(look);
  try {
    look();
    return await promise;
  } finally {
    stop();
    clearTimeout(timer);
  }
}
