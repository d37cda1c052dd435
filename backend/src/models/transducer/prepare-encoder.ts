import { createHash } from 'node:crypto';
import { access, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type OnnxModel, readOnnxModel } from './onnx-graph.ts';
import { rewireDownsample } from './rewire-downsample.ts';
import { simplifySoftplus } from './simplify-softplus.ts';
import { widenDepthwise } from './widen-depthwise.ts';

/** Part of a derived copy's name: raise it when the edits change, and copies made before are no longer used. */
const EDITS_VERSION = 1;

export interface PreparedEncoder {
  /** The file to open: the source itself when it needs no edit. */
  path: string;
  metadata: OnnxModel['metadata'];
}

/**
 * Reads an encoder graph's metadata and makes it runnable and faster, in a copy in `derivedFolder`. The copy is named by
 * the source's content, written once and found again after a restart.
 */
export async function prepareEncoder(source: string, derivedFolder: () => Promise<string>): Promise<PreparedEncoder> {
  const bytes = await readFile(source);
  const model = readOnnxModel(bytes);
  const rewired = rewireDownsample(model);
  const widened = widenDepthwise(model);
  const simplified = simplifySoftplus(model);
  // No node is edited twice: the three work on different kinds.
  const nodes = new Map([...rewired, ...widened.nodes, ...simplified.nodes]);
  if (nodes.size === 0) return { path: source, metadata: model.metadata };

  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const path = join(await derivedFolder(), `encoder-${hash}-v${EDITS_VERSION}.onnx`);
  if (!(await exists(path))) {
    const newInitializers = [...widened.newInitializers, ...simplified.newInitializers];
    await writeAtomically(path, model.edited({ nodes, initializers: widened.initializers, newInitializers }));
  }
  return { path, metadata: model.metadata };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Another replica may write the same copy at the same time: both write the same bytes, the later rename wins. */
async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    await writeFile(partial, bytes, { flush: true });
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}
