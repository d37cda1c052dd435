/** A model list of one model that emits nothing while it runs: its text comes with the result alone. */
import { defineModel, type Family, type PipelineModule } from '../../backend/src/models/define-model.ts';

const silent = defineModel({
  family: 'silent',
  task: 'transcription',
  models: [
    {
      id: 'fake/silent',
      // The test app lays this repository down.
      repo: 'fake/echo',
      revision: 'main',
      files: ['marker.txt'],
      languages: [],
      license: 'MIT',
      memory: { estimateBytes: 50_000_000 },
      concurrency: 1,
    },
  ],
  pipeline: () => import('./silent-model.ts'),
});

export const families: readonly Family[] = [silent];

export const load: PipelineModule<'transcription'>['load'] = async () => ({
  run: async () => ({ text: 'all at once', language: 'en', duration: 1, segments: [], words: [] }),
  dispose: async () => {},
});

export const SILENT_MODEL_LIST = import.meta.url;
