import { listAllFiles, resolveCommit } from './hub-listing.ts';
import { checkRepo, checkRevision, isCommit } from './hub-names.ts';
import { createHubSession, type HubSessionOptions } from './hub-session.ts';

export interface RepositoryFile {
  /** Path in the repository, `/`-separated. */
  path: string;
  /** Bytes. */
  size: number;
}

/** What a revision holds now. Throws as `downloadSnapshot` does. */
export async function listRepository(options: HubSessionOptions): Promise<RepositoryFile[]> {
  const { repo, revision } = options;
  checkRepo(repo);
  checkRevision(revision);
  const session = createHubSession(options);
  return await listAllFiles(session, isCommit(revision) ? revision : await resolveCommit(session));
}
