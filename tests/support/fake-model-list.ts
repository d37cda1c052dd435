/** What `use-fake-models.ts` gives the app in place of `models/load-model-list.ts`. */
export { loadModelList } from '../../backend/src/models/load-model-list.ts';
export { FAKE_MODEL_LIST as DEFAULT_MODEL_LIST } from './fake-models/index.ts';
