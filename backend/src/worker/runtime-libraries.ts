/** Where the libraries of ONNX Runtime lie that it loads for a GPU. */
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface RuntimeLibraries {
  /** Installed version of onnxruntime-node. */
  version: string;
  /** The folder of this platform's libraries. */
  dir: string;
  /** Those that a GPU needs: path, and whether it is there. */
  cuda: { path: string; present: boolean }[];
}

/** The first loads the second. */
const CUDA_LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** @throws when the package is not installed */
export async function findRuntimeLibraries(): Promise<RuntimeLibraries> {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve('onnxruntime-node/package.json');
  const { version, binary }: { version: string; binary?: { napi_versions?: number[] } } = require(manifest);
  const abi = binary?.napi_versions?.[0] ?? 6;
  const dir = join(dirname(manifest), 'bin', `napi-v${abi}`, process.platform, process.arch);
  const cuda = CUDA_LIBRARIES.map(async (name) => {
    const path = join(dir, name);
    const present = await access(path).then(
      () => true,
      () => false,
    );
    return { path, present };
  });
  return { version, dir, cuda: await Promise.all(cuda) };
}
