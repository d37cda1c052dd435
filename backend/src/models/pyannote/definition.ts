/** Speaker diarization as pyannote.audio does it: segmentation in windows, a voiceprint of each speaker in each, clustering. */
import { defineModel, type ModelDefinition, type RepoFiles } from '../define-model.ts';

export interface PyannoteSettings {
  /** File of the speaker embedding graph, in the model's own repository. */
  embedding: string;
  /** File of the segmentation graph there; pyannote's own repository where left out. */
  segmentation?: string;
  /**
   * `vbx`: as pyannote/speaker-diarization-community-1, with the weights of its PLDA in these files of the repository.
   * `centroid`: as pyannote/speaker-diarization-3.1. `threshold`: the distance of voices that are merged (at first, for
   * `vbx`), which depends on the embedding; the method's own where left out.
   */
  clustering: ({ method: 'vbx'; plda: string; xvecTransform: string } | { method: 'centroid' }) & {
    threshold?: number;
  };
}

export const SEGMENTATION_ROLE = 'segmentation';
export const SEGMENTATION_FILE = 'onnx/model.onnx';

const SEGMENTATION: RepoFiles = {
  repo: 'onnx-community/pyannote-segmentation-3.0',
  revision: 'main',
  files: [SEGMENTATION_FILE],
};

export interface PyannoteListing extends Pick<RepoFiles, 'bundled'> {
  id: string;
  repo: string;
  revision: string;
  published?: string;
  license: string;
  estimateBytes: number;
  settings: PyannoteSettings;
}

/** A listing → its definition; for repositories of one's own too. */
export function pyannote(listing: PyannoteListing): ModelDefinition {
  const { id, repo, revision, bundled, published, license, estimateBytes, settings } = listing;
  const { embedding, segmentation, clustering } = settings;
  return {
    id,
    repo,
    revision,
    ...(bundled && { bundled }),
    ...(published === undefined ? {} : { published }),
    files: [
      embedding,
      ...(segmentation === undefined ? [] : [segmentation]),
      ...(clustering.method === 'vbx' ? [clustering.plda, clustering.xvecTransform] : []),
    ],
    languages: [],
    license,
    ...(segmentation === undefined ? { auxiliary: { [SEGMENTATION_ROLE]: SEGMENTATION } } : {}),
    memory: { estimateBytes },
    // They interleave by batches of windows.
    concurrency: 4,
    settings,
  };
}

const MIB = 2 ** 20;

export default defineModel({
  family: 'pyannote',
  task: 'diarization',
  models: [
    pyannote({
      id: 'pyannote-community-1',
      repo: 'FinDIT-Studio/dia-models',
      revision: '6eef479c954ec180e79cee316af2f16d5f7720bd',
      published: '2025-09-29',
      license: 'CC-BY-4.0',
      estimateBytes: 400 * MIB,
      settings: {
        embedding: 'wespeaker_resnet34_lm.onnx',
        clustering: { method: 'vbx', plda: 'plda.npz', xvecTransform: 'xvec_transform.npz' },
      },
    }),
    pyannote({
      id: 'pyannote-3.1',
      repo: 'onnx-community/wespeaker-voxceleb-resnet34-LM',
      revision: '6a61a1833ff2583aabeba044f5c8221f00b67ceb',
      published: '2023-11-16',
      license: 'CC-BY-4.0',
      estimateBytes: 400 * MIB,
      settings: { embedding: 'onnx/model.onnx', clustering: { method: 'centroid' } },
    }),
    pyannote({
      id: 'starter-pyannote',
      repo: 'starter-models/starter-pyannote',
      revision: 'main',
      bundled: true,
      published: '2026-11-22',
      license: 'MIT',
      estimateBytes: 300 * MIB,
      settings: {
        segmentation: 'segmentation.onnx',
        embedding: 'onnx/model.onnx',
        // Chosen on development voices: see the model's card.
        clustering: { method: 'centroid', threshold: 0.6 },
      },
    }),
  ],
  registrar: () => import('./registrar.ts'),
  pipeline: () => import('./pipeline.ts'),
});
