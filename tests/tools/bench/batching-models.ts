/** The model list of the batching benchmark's workers: one Whisper, with one window at a time and with several. */
import type { Family } from '../../../backend/src/models/define-model.ts';
import whisper, { type WhisperSettings } from '../../../backend/src/models/whisper/definition.ts';
import { LONG_MODEL } from './long-model.ts';

const [tiny] = whisper.models.filter(({ id }) => id === LONG_MODEL);
if (tiny === undefined) throw new Error(`there is no ${LONG_MODEL}`);

/** One window at a time, what the catalog has for a CPU, and many. */
export const MAX_BATCHES = [1, 4, 8] as const;
export type MaxBatch = (typeof MAX_BATCHES)[number];
export const idOf = (maxBatch: MaxBatch): string => `batch-${maxBatch}`;

export const families: readonly Family[] = [
  {
    ...whisper,
    pipeline: () => import('./batching-pipeline.ts'),
    models: MAX_BATCHES.map((maxBatch) => {
      const settings = tiny.settings as WhisperSettings;
      return { ...tiny, id: idOf(maxBatch), settings: { ...settings, batching: { ...settings.batching, maxBatch } } };
    }),
  },
];
