/** MDX-Net models of the Ultimate Vocal Remover: vocals and the rest, several times as fast as HTDemucs. */
import { defineModel, type ModelDefinition } from '../define-model.ts';
import { MDX_MODELS, type MdxSettings } from './mdx-graph.ts';

export interface MdxFileSettings extends MdxSettings {
  file: string;
}

const MIB = 2 ** 20;

export interface MdxListing {
  id: string;
  repo: string;
  revision: string;
  license: string;
  estimateBytes: number;
  settings: MdxFileSettings;
}

/** A listing → its definition; for repositories of one's own too. */
export function mdx({ id, repo, revision, license, estimateBytes, settings }: MdxListing): ModelDefinition {
  return {
    id,
    repo,
    revision,
    files: [settings.file],
    languages: [],
    stems: [...settings.stems],
    license,
    memory: { estimateBytes },
    concurrency: 1,
    settings,
  };
}

function listed({ name, file, ...place }: { id: string; repo: string; file: string; name: string }): ModelDefinition {
  const settings = MDX_MODELS[name];
  if (settings === undefined) throw new Error(`${name} is not in the table of MDX-Net models`);
  return mdx({
    ...place,
    revision: 'main',
    // Its authors ask to be named: Anjok07 and aufr33.
    license: 'MIT',
    estimateBytes: 800 * MIB,
    settings: { file, ...settings },
  });
}

const HOST = 'k2-fsa/sherpa-onnx-models';
const hosted = (name: string) => ({ repo: HOST, file: `source-separation-models/${name}.onnx`, name });

export default defineModel({
  family: 'mdx',
  task: 'separation',
  models: [
    listed({ id: 'mdx-inst-hq-3', ...hosted('UVR-MDX-NET-Inst_HQ_3') }),
    listed({ id: 'mdx-inst-hq-4', ...hosted('UVR-MDX-NET-Inst_HQ_4') }),
    listed({ id: 'mdx-voc-ft', ...hosted('UVR-MDX-NET-Voc_FT') }),
    listed({ id: 'mdx-kim-vocal-2', repo: 'debugzxcv/uvr', file: 'Kim_Vocal_2.onnx', name: 'Kim_Vocal_2' }),
  ],
  registrar: () => import('./registrar.ts'),
  pipeline: () => import('./pipeline.ts'),
});
