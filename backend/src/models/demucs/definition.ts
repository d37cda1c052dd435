/** Music source separation by Hybrid Transformer Demucs (facebookresearch/demucs), as exported to ONNX. */
import { defineModel, type ModelDefinition, type RepoFiles } from '../define-model.ts';

export interface DemucsSettings {
  /** Graphs that make the stems together. */
  members: readonly {
    file: string;
    /** Stems it makes, in the graph's order. */
    makes: readonly string[];
    /** Those of them that are used; default: all. */
    keeps?: readonly string[];
  }[];
}

export interface DemucsListing extends Pick<RepoFiles, 'bundled'> {
  id: string;
  repo: string;
  revision: string;
  published?: string;
  license: string;
  estimateBytes: number;
  settings: DemucsSettings;
}

/** A listing → its definition; for repositories of one's own too. */
export function demucs(listing: DemucsListing): ModelDefinition {
  const { id, repo, revision, bundled, published, license, estimateBytes, settings } = listing;
  const stems = settings.members.flatMap(({ makes, keeps = makes }) => keeps);
  return {
    id,
    repo,
    revision,
    ...(bundled && { bundled }),
    ...(published === undefined ? {} : { published }),
    files: settings.members.map(({ file }) => file),
    languages: [],
    stems,
    license,
    memory: { estimateBytes },
    // A segment takes the whole device for seconds.
    concurrency: 1,
    settings,
  };
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** Code and repository say MIT; others who host the weights say CC-BY-NC-4.0, for what they were trained on. */
const LICENSE = 'MIT (disputed: CC-BY-NC-4.0)';
const FOUR = ['drums', 'bass', 'other', 'vocals'] as const;

export default defineModel({
  family: 'demucs',
  task: 'separation',
  models: [
    demucs({
      id: 'htdemucs',
      repo: 'StemSplitio/htdemucs-onnx',
      revision: 'd54ed9eb60e258ea82131c6ee14578628816456a',
      license: LICENSE,
      estimateBytes: 2 * GIB,
      // Stored in half precision, computed in float32: the same results, half the download.
      settings: { members: [{ file: 'htdemucs_fp16weights.onnx', makes: FOUR }] },
    }),
    demucs({
      id: 'htdemucs-6s',
      repo: 'StemSplitio/htdemucs-6s-onnx',
      revision: '49df9b6989cf2150840ea65b0bef77a2e471b678',
      license: LICENSE,
      estimateBytes: 2 * GIB,
      settings: { members: [{ file: 'htdemucs_6s_fp16weights.onnx', makes: [...FOUR, 'guitar', 'piano'] }] },
    }),
    demucs({
      id: 'htdemucs-ft',
      repo: 'StemSplitio/htdemucs-ft-onnx',
      revision: 'main',
      license: LICENSE,
      estimateBytes: 5 * GIB,
      // Each was tuned for one stem, and the others that it makes are not used.
      settings: { members: FOUR.map((stem) => ({ file: `htdemucs_ft_${stem}.onnx`, makes: FOUR, keeps: [stem] })) },
    }),
    demucs({
      id: 'htdemucs-light',
      repo: 'timcsy/demucs-web-onnx',
      revision: '92e33df61cfc9eb820272aaa62d2ef6dcf4d950d',
      license: LICENSE,
      estimateBytes: 2 * GIB,
      settings: { members: [{ file: 'htdemucs_embedded.onnx', makes: FOUR }] },
    }),
    demucs({
      id: 'starter-demucs',
      repo: 'starter-models/starter-demucs',
      revision: 'main',
      bundled: true,
      published: '2026-11-22',
      license: 'MIT',
      estimateBytes: 400 * MIB,
      settings: { members: [{ file: 'starter-demucs.onnx', makes: FOUR }] },
    }),
  ],
  registrar: () => import('./registrar.ts'),
  pipeline: () => import('./pipeline.ts'),
});
