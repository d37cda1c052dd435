/** Which precision of a model a device gets, and the files that follow from it. */
import type { DeviceKind, ModelDefinition } from '../models/define-model.ts';

export interface ChosenDtype {
  /** Undefined where the model has no choice. */
  dtype: string | undefined;
  /** Its `files` are all that this precision needs. */
  definition: ModelDefinition;
}

/**
 * `asked` is the operator's wish, on whatever device; without one the device's default is taken.
 * @throws Error naming the precisions there are.
 */
export function chooseDtype(definition: ModelDefinition, device: string, asked: string | undefined): ChosenDtype {
  const { id, dtypes, files } = definition;
  if (dtypes === undefined) {
    if (asked !== undefined) throw new Error(`the model "${id}" has one dtype alone`);
    return { dtype: undefined, definition };
  }
  const dtype = asked ?? dtypes.defaults[kindOf(device)];
  const own = Object.hasOwn(dtypes.files, dtype) ? dtypes.files[dtype] : undefined;
  if (own === undefined) {
    throw new Error(`the model "${id}" has no dtype "${dtype}"; it has ${Object.keys(dtypes.files).join(', ')}`);
  }
  return { dtype, definition: { ...definition, files: [...files, ...own] } };
}

function kindOf(device: string): DeviceKind {
  return device === 'cpu' ? 'cpu' : 'cuda';
}
