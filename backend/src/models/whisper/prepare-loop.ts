/** The graph with the loop inside, made once and kept in the folder of derived files. */
import { createHash, randomUUID } from 'node:crypto';
import { access, copyFile, link, mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { contentKey } from './content-key.ts';
import type { WhisperLayout } from './layout.ts';
import { buildLoopGraph } from './loop-graph.ts';
import type { SourceGraph } from './loop-sources.ts';
import type { OnnxFile, StoredData } from './onnx-file.ts';
import { shareWeights, type WeightSource } from './share-weights.ts';

/** Part of the folder's name: raise it when the graph changes, and those made before are no longer used. */
const GRAPH_VERSION = 2;
const GRAPH_FILE = 'decoder_loop.onnx';

/** One graph of the export: its path and its structure. */
export interface DecoderGraph {
  path: string;
  file: OnnxFile;
}

/**
 * The path of the graph, in a folder of its own beside hard links to the files its weights lie in (copies where the
 * volume has no links): the runtime reads weights from nowhere else. Named by the contents of all of them.
 * @throws Error with the reason where the graphs cannot be rewritten.
 */
export async function prepareLoop(
  graphs: { prefill: DecoderGraph; step: DecoderGraph },
  layout: WhisperLayout,
  derivedFolder: () => Promise<string>,
): Promise<string> {
  const files = [...weightFiles(graphs.prefill), ...weightFiles(graphs.step)];
  const keys = await Promise.all([...new Set(files.map(({ path }) => path))].map(contentKey));
  const settings = JSON.stringify([layout.tokens.eot, layout.tokens.timestampBegin, layout.alignmentHeads]);
  const key = createHash('sha256')
    .update([...keys, settings].join('\n'))
    .digest('hex')
    .slice(0, 16);
  const folder = join(await derivedFolder(), `decoder-loop-${key}-v${GRAPH_VERSION}`);
  if (!(await exists(join(folder, GRAPH_FILE)))) await writeFolder(folder, graphs, layout);
  return join(folder, GRAPH_FILE);
}

async function writeFolder(
  folder: string,
  { prefill, step }: { prefill: DecoderGraph; step: DecoderGraph },
  layout: WhisperLayout,
): Promise<void> {
  const partial = `${folder}.${randomUUID()}.partial`;
  const shared = shareWeights(weightSource(prefill), weightSource(step));
  const used = new Map<string, string>();
  const graph = buildLoopGraph({ prefill: linked(prefill, used), step: linked(step, used), shared }, layout);
  try {
    await mkdir(partial, { recursive: true });
    for (const [name, path] of used) await linkOrCopy(await realpath(path), join(partial, name));
    await writeFile(join(partial, GRAPH_FILE), graph, { flush: true });
    await rename(partial, folder);
  } catch (error) {
    // Another replica may have made the same folder meanwhile: it is as good.
    if (!(await exists(join(folder, GRAPH_FILE)))) throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** The files a graph's weights may lie in, itself included. */
function weightFiles(graph: DecoderGraph): { path: string }[] {
  const locations = new Set(graph.file.initializers.map(({ stored }) => stored?.location));
  const outside = [...locations].filter((location) => location !== undefined);
  return [{ path: graph.path }, ...outside.map((location) => ({ path: besideGraph(graph, location) }))];
}

function weightSource(graph: DecoderGraph): WeightSource {
  return {
    initializers: graph.file.initializers,
    pathOf: ({ location }) => (location === undefined ? graph.path : besideGraph(graph, location)),
  };
}

/** Notes in `used` which files are pointed at: name beside the new graph → path. */
function linked(graph: DecoderGraph, used: Map<string, string>): SourceGraph {
  return {
    ...graph.file,
    fileOf({ location }: StoredData) {
      const name = location ?? basename(graph.path);
      used.set(name, location === undefined ? graph.path : besideGraph(graph, location));
      return name;
    },
  };
}

function besideGraph({ path }: DecoderGraph, location: string): string {
  if (basename(location) !== location) throw new Error(`The graph's weights lie in another folder (${location})`);
  return join(dirname(path), location);
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    // No hard links here, or another volume.
    await copyFile(from, to);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
