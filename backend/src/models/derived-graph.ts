/** Graphs made from a repository's own, kept in the folder of derived files; their weights stay where they are. */
import { createHash, randomUUID } from 'node:crypto';
import { access, copyFile, link, mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { contentKey } from './content-key.ts';
import type { OnnxFile, StoredData } from './onnx-file.ts';

/** One graph of the export: its path and its structure. */
export interface GraphOnDisk {
  path: string;
  file: OnnxFile;
}

/** A graph of the export and where its weights are found beside the new one. */
export interface SourceGraph extends OnnxFile {
  fileOf(stored: StoredData): string;
}

export interface Derivation {
  /** Of the graph: `decoder_loop`. */
  name: string;
  /** Raise it when what is made changes: those made before are no longer used. */
  version: number;
  /** What it is made from. */
  sources: readonly GraphOnDisk[];
  /** Whatever else it depends on, as JSON. */
  settings: unknown;
  /** The graph's bytes; further files that it points at go into `folder`. */
  build(sources: readonly SourceGraph[], folder: string): Uint8Array | Promise<Uint8Array>;
}

/**
 * The path of the graph, in a folder of its own beside hard links to the files its weights lie in (copies where the
 * volume has no links): the runtime reads weights from nowhere else. Named by the contents of all of them, made at the
 * first call.
 * @throws Error with the reason where it cannot be made.
 */
export async function deriveGraph(derivation: Derivation, derivedFolder: () => Promise<string>): Promise<string> {
  const { name, version, sources, settings } = derivation;
  const paths = new Set(sources.flatMap(weightFiles));
  const keys = await Promise.all([...paths].map(contentKey));
  const key = createHash('sha256')
    .update([...keys, JSON.stringify(settings)].join('\n'))
    .digest('hex')
    .slice(0, 16);
  const folder = join(await derivedFolder(), `${name.replaceAll('_', '-')}-${key}-v${version}`);
  const path = join(folder, `${name}.onnx`);
  if (!(await exists(path))) await writeFolder(folder, path, derivation);
  return path;
}

async function writeFolder(folder: string, path: string, { sources, build }: Derivation): Promise<void> {
  const partial = `${folder}.${randomUUID()}.partial`;
  const used = new Map<string, string>();
  try {
    await mkdir(partial, { recursive: true });
    const graph = await build(
      sources.map((source) => linked(source, used)),
      partial,
    );
    for (const [name, from] of used) await linkOrCopy(await realpath(from), join(partial, name));
    await writeFile(join(partial, basename(path)), graph, { flush: true });
    await rename(partial, folder);
  } catch (error) {
    // Another replica may have made the same folder meanwhile: it is as good.
    if (!(await exists(path))) throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** The files a graph's weights may lie in, itself included. */
function weightFiles(graph: GraphOnDisk): string[] {
  const locations = new Set(graph.file.initializers.map(({ stored }) => stored?.location));
  const outside = [...locations].filter((location) => location !== undefined);
  return [graph.path, ...outside.map((location) => besideGraph(graph, location))];
}

/** The file that holds stored data of `graph`. */
export function pathOf(graph: GraphOnDisk, { location }: StoredData): string {
  return location === undefined ? graph.path : besideGraph(graph, location);
}

/** Notes in `used` which files are pointed at: name beside the new graph → path. */
function linked(graph: GraphOnDisk, used: Map<string, string>): SourceGraph {
  return {
    ...graph.file,
    fileOf(stored: StoredData) {
      const name = stored.location ?? basename(graph.path);
      used.set(name, pathOf(graph, stored));
      return name;
    },
  };
}

function besideGraph({ path }: GraphOnDisk, location: string): string {
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
