/** Whether ONNX Runtime's CUDA provider is beside it, and finds every library it is linked with. */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const LIBRARIES = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'];

export interface ProviderLibraries {
  /** Of onnxruntime-node. */
  version: string;
  /** One line for each that is missing or finds something missing. */
  problems: string[];
}

export async function findProviderLibraries(): Promise<ProviderLibraries> {
  const manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  const { version } = createRequire(import.meta.url)(manifest) as { version: string };
  const folder = join(dirname(manifest), 'bin/napi-v6', process.platform, process.arch);
  const problems = await Promise.all(LIBRARIES.map((name) => problemsOf(name, join(folder, name))));
  return { version, problems: problems.flat() };
}

async function problemsOf(name: string, path: string): Promise<string[]> {
  try {
    await access(path);
  } catch {
    return [`${name} is not beside onnxruntime-node`];
  }
  const { stdout } = await promisify(execFile)('ldd', [path]);
  const missing = stdout.split('\n').filter((line) => line.includes('not found'));
  return missing.map((line) => `${name}: ${line.trim()}`);
}
