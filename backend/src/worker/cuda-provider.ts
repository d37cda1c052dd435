/** Whether ONNX Runtime as it is installed can use GPUs at all. Its own loading error comes too late: at a model's first load. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const LIBRARY = 'libonnxruntime_providers_cuda.so';

/** `library`: where it is looked for instead. @returns why not; undefined where nothing speaks against it */
export function cudaProviderMissing(library?: string): string | undefined {
  const file = library ?? join(packageFolder(), 'bin/napi-v6', process.platform, process.arch, LIBRARY);
  if (existsSync(file)) return undefined;
  return `ONNX Runtime's CUDA provider (${LIBRARY}) is not installed; the container image with CUDA has it`;
}

function packageFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
}
