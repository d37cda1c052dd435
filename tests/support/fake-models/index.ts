/** The project's families and, in one line more, the fake one: what adding a model takes. */
import type { Family } from '../../../backend/src/models/define-model.ts';
import { families as real } from '../../../backend/src/models/index.ts';
import echo from './echo/definition.ts';

export const families: readonly Family[] = [...real, echo];

/** What `startApp` takes as its model list. */
export const FAKE_MODEL_LIST = import.meta.url;
