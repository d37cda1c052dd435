import type { Family } from './define-model.ts';

/** The project's own list; tests and plug-ins pass another module of the same shape. */
export const DEFAULT_MODEL_LIST = new URL('./index.ts', import.meta.url).href;

/**
 * Imports a module that exports `families`. The gateway reads definitions from it; the worker, in its own process,
 * also calls `pipeline()`. Passing the module's URL is how both get the same list.
 */
export async function loadModelList(url: string): Promise<readonly Family[]> {
  const module: { families?: readonly Family[] } = await import(url);
  if (!Array.isArray(module.families)) throw new Error(`${url} exports no list named "families"`);
  return module.families;
}
