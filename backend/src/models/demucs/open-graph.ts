/** Opens a repository's HTDemucs graph simplified and rewritten for speed; that graph is made once and kept. */
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { OpenedSession } from '../../audio/session.ts';
import type { LoadContext } from '../define-model.ts';
import { deriveGraph } from '../derived-graph.ts';
import { graphMessage, modelMessage, nodeMessage, tensorMessage, valueInfo } from '../onnx-build.ts';
import { type OnnxFile, readOnnxFile } from '../onnx-file.ts';
import { rewriteGraph } from './rewrite-graph.ts';

export type GraphContext = Pick<LoadContext, 'openSession' | 'derivedFolder' | 'folding' | 'log'>;

/** Of the full size: 0.65 instead of 3.6 GB resident on a CPU, at the same speed. */
const LEAN = { keepsMemory: false };
/** What the runtime simplified, whole; the graph beside it points at its weights. */
const FOLDED = 'folded.onnx';
const FLOAT = 1;

/** @throws Error where the graph at `path` cannot be opened even as it is published. */
export async function openGraph(context: GraphContext, path: string): Promise<OpenedSession> {
  // Once more for a kept graph that is damaged: without it, it is made anew.
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    let prepared: string | undefined;
    try {
      prepared = await prepareGraph(context, path);
      if (prepared === undefined) break;
      return await context.openSession(prepared, LEAN);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (prepared === undefined) {
        context.log('the graph runs as published, it could not be simplified', { reason });
        break;
      }
      context.log('the simplified graph cannot be opened and is removed', { reason, attempt });
      await rm(dirname(prepared), { recursive: true, force: true });
    }
  }
  return context.openSession(path, LEAN);
}

/** The kept graph's path; made at the first call. Undefined where the runtime cannot simplify. */
async function prepareGraph({ folding, derivedFolder }: GraphContext, path: string): Promise<string | undefined> {
  if (folding === undefined) return undefined;
  const derivation = {
    name: 'htdemucs',
    version: 1,
    sources: [{ path, file: readOnnxFile(path) }],
    settings: { runtime: folding.runtime },
    async build(_: unknown, folder: string) {
      const folded = join(folder, FOLDED);
      await folding.fold(path, folded);
      await flush(folded);
      return write(rewriteGraph(readOnnxFile(folded)).graph);
    },
  };
  return deriveGraph(derivation, derivedFolder);
}

function write(graph: OnnxFile): Uint8Array {
  const message = graphMessage({
    name: 'htdemucs',
    nodes: graph.nodes.map(nodeMessage),
    initializers: graph.initializers.map((tensor) => tensorMessage(tensor, tensor.name, () => FOLDED)),
    inputs: graph.inputs.map(({ name, shape }) => valueInfo(name, FLOAT, shape)),
    outputs: graph.outputs.map(({ name, shape }) => valueInfo(name, FLOAT, shape)),
  });
  return modelMessage(message, graph.irVersion, graph.opsets);
}

/** To the disk, before the folder gets its name: a power cut must not leave half of it under a whole one's name. */
async function flush(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  await file.sync();
}
