/** What a repository of the hub holds and who may have it, before anything of it is fetched. */
import { GatewayError } from '../errors.ts';
import { missingBytes } from './download.ts';
import { type HubFile, listAllFiles, readModelInfo, resolveUrl } from './hub-listing.ts';
import { checkRepo, checkRevision } from './hub-names.ts';
import { createHubSession, type HubSessionOptions } from './hub-session.ts';

export interface ExaminedRepository {
  commit: string;
  /** false; else whether somebody looks at each request for access. */
  gated: false | 'auto' | 'manual';
  /** The files can be fetched, with the token there is or without one. */
  accessible: boolean;
  /** As the repository says; null where it says nothing. */
  license: string | null;
  files: HubFile[];
  /** Bytes of `files` that are not in the cache. */
  missingBytes(files: readonly HubFile[]): Promise<number>;
}

/** Throws as `downloadSnapshot` does. */
export async function examineRepository(
  options: HubSessionOptions & { cacheDir: string },
): Promise<ExaminedRepository> {
  const { repo, revision, cacheDir, signal } = options;
  checkRepo(repo);
  checkRevision(revision);
  const session = createHubSession(options);
  const { commit, gated, license } = await readModelInfo(session);
  const files = await listAllFiles(session, commit);
  // The hub lists the files of a gated repository to everybody.
  const [smallest] = files.toSorted((a, b) => a.size - b.size);
  let accessible = true;
  if (gated !== false && smallest !== undefined) {
    try {
      const url = resolveUrl(session, commit, smallest.path);
      const answer = await session.retrying(() => session.get(url, { headers: { range: 'bytes=0-0' }, signal }));
      await answer.response.body?.cancel();
      session.heard({ accessible: true });
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'hub_access_denied') throw error;
      accessible = false;
    }
  }
  return { commit, gated, license, accessible, files, missingBytes: (some) => missingBytes(cacheDir, repo, some) };
}
