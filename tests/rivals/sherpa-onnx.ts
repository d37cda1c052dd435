/** sherpa-onnx, where it is installed: its version and where its libraries lie. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface InstalledSherpaOnnx {
  version: string;
  /** What LD_LIBRARY_PATH has to name before the process starts. */
  libraries: string;
}

export const HOW_TO_INSTALL_SHERPA =
  'sherpa-onnx-node, a development dependency, is not installed for this platform. Install it with\n' +
  '  npm ci --include=dev --include=optional --ignore-scripts';

/** @returns undefined where it is not installed. */
export function findSherpaOnnx(): InstalledSherpaOnnx | undefined {
  const require = createRequire(import.meta.url);
  try {
    const libraries = dirname(require.resolve(`sherpa-onnx-${process.platform}-${process.arch}`));
    const { version }: { version: string } = require(join(libraries, 'package.json'));
    require.resolve('sherpa-onnx-node');
    return { version, libraries };
  } catch {
    return undefined;
  }
}
