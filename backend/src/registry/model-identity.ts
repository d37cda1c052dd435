/** Everything about a model that its results depend on. */
import { readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ModelDefinition, RepoFiles } from '../models/define-model.ts';
import type { PresentFiles, Snapshot } from './model-files.ts';

export interface ModelIdentity {
  id: string;
  repositories: readonly RepositoryIdentity[];
  /** null where the model has no choice. */
  dtype: string | null;
  device: 'cpu' | 'cuda';
}

export interface RepositoryIdentity {
  repo: string;
  revision: string;
  commit: string;
  /** By path: the hub's hash of the content (SHA-256, or git's SHA-1 of a small file); null in a cache without links. */
  files: Readonly<Record<string, string | null>>;
}

export async function identifyModel(
  definition: ModelDefinition,
  present: PresentFiles,
  dtype: string | undefined,
  device: string,
): Promise<ModelIdentity> {
  const auxiliary = Object.entries(definition.auxiliary ?? {}).map(
    ([role, files]) => [files, present.auxiliary[role]] as const,
  );
  const repositories = await Promise.all(
    [[definition, present.main] as const, ...auxiliary].map(([files, snapshot]) => identifyFiles(files, snapshot)),
  );
  return { id: definition.id, repositories, dtype: dtype ?? null, device: device === 'cpu' ? 'cpu' : 'cuda' };
}

async function identifyFiles(
  { repo, revision, files }: RepoFiles,
  snapshot: Snapshot | undefined,
): Promise<RepositoryIdentity> {
  const hashes = files.map(async (file) => {
    const blob = snapshot && (await readlink(join(snapshot.dir, file)).catch(() => undefined));
    return [file, blob === undefined ? null : basename(blob)] as const;
  });
  return { repo, revision, commit: snapshot?.commit ?? '', files: Object.fromEntries(await Promise.all(hashes)) };
}
