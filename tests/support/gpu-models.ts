/** Eight models that take a GPU's memory as a fake DGX counts it, and do what `echo` does. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineModel, type Family } from '../../backend/src/models/define-model.ts';
import { families as real } from '../../backend/src/models/index.ts';

/** Beside the model's file: what its worker does at its load, as JSON. */
export interface GpuScript {
  /** Folder of the fake DGX for allocations. */
  allocations: string;
  mib: number;
  residueMib?: number;
  /** From when it has its memory to when it is ready. */
  warmsUpMs?: number;
  /** Instead of loading. */
  fails?: string;
}

export const GPU_MODELS = ['gpu/a', 'gpu/b', 'gpu/c', 'gpu/d', 'gpu/e', 'gpu/f', 'gpu/g', 'gpu/h'] as const;
export type GpuModel = (typeof GPU_MODELS)[number];
const MIB = 2 ** 20;
/** Of the catalog, until a load has been measured. */
export const ESTIMATE_MIB = 45_000;
const SMALL_MIB = 300;
export const SCRIPT = 'gpu.json';

const family = defineModel({
  family: 'gpu-echo',
  task: 'transcription',
  models: GPU_MODELS.map((id) => ({
    id,
    repo: id,
    revision: 'main',
    files: [SCRIPT],
    languages: [],
    license: 'MIT',
    // The last one is small enough for a CPU.
    memory: { estimateBytes: (id === 'gpu/h' ? SMALL_MIB : ESTIMATE_MIB) * MIB },
    concurrency: 4,
  })),
  pipeline: () => import('./gpu-models/pipeline.ts'),
});

export const families: readonly Family[] = [...real, family];
export const GPU_MODEL_LIST = import.meta.url;

/** Lays a model's file down as a download would have left it. */
export async function putGpuModel(cacheDir: string, model: GpuModel, script: GpuScript): Promise<void> {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const repo = join(cacheDir, `models--${model.replace('/', '--')}`);
  await mkdir(join(repo, 'snapshots', commit), { recursive: true });
  await mkdir(join(repo, 'refs'), { recursive: true });
  await writeFile(join(repo, 'snapshots', commit, SCRIPT), JSON.stringify(script));
  await writeFile(join(repo, 'refs', 'main'), commit);
}
