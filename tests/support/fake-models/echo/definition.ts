import { defineModel } from '../../../../backend/src/models/define-model.ts';

/** A model without weights that does what the request's prompt says: see `pipeline.ts`. */
export default defineModel({
  family: 'echo',
  task: 'transcription',
  models: [
    {
      id: 'fake/echo',
      repo: 'fake/echo',
      revision: 'main',
      files: ['marker.txt'],
      languages: [],
      license: 'MIT',
      memory: { estimateBytes: 50_000_000 },
      concurrency: 8,
    },
  ],
  registrar: () => import('./registrar.ts'),
  pipeline: () => import('./pipeline.ts'),
});
