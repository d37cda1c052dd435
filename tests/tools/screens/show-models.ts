/** The models of the screenshots: a real small one that transcribes, and some that take a GPU's memory and compute nothing. */
import { defineModel, type Family } from '../../../backend/src/models/define-model.ts';
import { families as real } from '../../../backend/src/models/index.ts';
import { SCRIPT } from '../../support/gpu-models.ts';

export const SHOW_MODEL_LIST = import.meta.url;

/** Id → what it holds of a card, in MiB. */
export const SHOWN: Readonly<Record<string, number>> = {
  'whisper-large-v3': 9_800,
  'whisper-large-v3-turbo': 6_200,
  'whisper-medium': 5_100,
  'distil-large-v3.5': 5_600,
};

const shown = defineModel({
  family: 'whisper',
  task: 'transcription',
  models: Object.entries(SHOWN).map(([id, mib]) => ({
    id,
    repo: `onnx-community/${id}`,
    revision: 'main',
    files: [SCRIPT],
    languages: ['en', 'fr', 'de', 'es'],
    license: 'MIT',
    memory: { estimateBytes: mib * 2 ** 20 },
    concurrency: 4,
  })),
  pipeline: () => import('../../support/gpu-models/pipeline.ts'),
});

export const families: readonly Family[] = [...real.filter(({ family }) => family !== 'whisper'), shown];
