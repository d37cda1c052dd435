/** MDX-Net models of the Ultimate Vocal Remover: vocals and the rest, several times as fast as HTDemucs. */
import { defineModel, type ModelDefinition } from '../define-model.ts';
import { MDX_MODELS, type MdxSettings } from './mdx-graph.ts';

export interface MdxFileSettings extends MdxSettings {
  file: string;
}

const MIB = 2 ** 20;

function mdx({ id, repo, file, name }: { id: string; repo: string; file: string; name: string }): ModelDefinition {
  const settings = MDX_MODELS[name];
  if (settings === undefined) throw new Error(`${name} is not in the table of MDX-Net models`);
  return {
    id,
    repo,
    revision: 'main',
    files: [file],
    languages: [],
    stems: [...settings.stems],
    // Its authors ask to be named: Anjok07 and aufr33.
    license: 'MIT',
    memory: { estimateBytes: 800 * MIB },
    concurrency: 1,
    settings: { file, ...settings } satisfies MdxFileSettings,
  };
}

const HOST = 'k2-fsa/sherpa-onnx-models';
const hosted = (name: string) => ({ repo: HOST, file: `source-separation-models/${name}.onnx`, name });

export default defineModel({
  family: 'mdx',
  task: 'separation',
  models: [
    mdx({ id: 'mdx-inst-hq-3', ...hosted('UVR-MDX-NET-Inst_HQ_3') }),
    mdx({ id: 'mdx-inst-hq-4', ...hosted('UVR-MDX-NET-Inst_HQ_4') }),
    mdx({ id: 'mdx-voc-ft', ...hosted('UVR-MDX-NET-Voc_FT') }),
    mdx({ id: 'mdx-kim-vocal-2', repo: 'debugzxcv/uvr', file: 'Kim_Vocal_2.onnx', name: 'Kim_Vocal_2' }),
  ],
  pipeline: () => import('./pipeline.ts'),
});
