/** Jobs, keys, webhooks and the audit log, told to operators' pages, whichever gateway on the database changed them. */
import type { JobGlance } from '../../contract/admin.ts';
import type { AdminFeed } from './admin-feed.ts';

export interface AnnouncedChange {
  entity: 'job' | 'key' | 'webhook' | 'webhook_secret' | 'settings' | 'audit';
  /** As callers know it. */
  id: string;
  rev: number | null;
  deleted: boolean;
}

export interface FollowedChanges {
  /** undefined: something may have been missed. @returns what ends it */
  subscribe(listener: (change: AnnouncedChange | undefined) => void): () => void;
  /** Those that are there. */
  readJobs(ids: readonly string[]): Promise<JobGlance[]>;
}

/** Jobs are looked up together. */
const GATHER_MS = 250;
const MAX_REMEMBERED = 10_000;

/** @returns what ends it. */
export function followChanges(feed: AdminFeed, { subscribe, readJobs }: FollowedChanges): () => void {
  const gathered = new Set<string>();
  /** Status and stage that were told last, of jobs that are not over. */
  const told = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  const tellJobs = async () => {
    timer = undefined;
    const ids = [...gathered];
    gathered.clear();
    for (const job of await readJobs(ids)) {
      const { status, stage } = { status: job.status, stage: job.progress.stage };
      const [toldStatus, toldStage] = told.get(job.id)?.split(' ') ?? [];
      const type = toldStatus !== status ? 'job.state' : toldStage !== (stage ?? '') ? 'job.stage' : 'job.progress';
      const isOver = status !== 'queued' && status !== 'running';
      if (isOver || told.size >= MAX_REMEMBERED) told.delete(job.id);
      else told.set(job.id, `${status} ${stage ?? ''}`);
      feed.publish(`job ${job.id}`, { type, rev: job.rev, job });
    }
  };
  const stop = subscribe((change) => {
    if (!feed.isActive) return;
    if (change === undefined) {
      feed.forget();
      return;
    }
    const { entity, id, deleted } = change;
    const rev = change.rev ?? 0;
    if (entity === 'audit') feed.publish('audit', { type: 'audit.added', rev: Number(id) });
    else if (entity === 'settings') feed.publish('settings', { type: 'settings.changed', rev });
    else if (entity === 'key') feed.publish(`key ${id}`, { type: 'key.changed', rev, id, deleted });
    else if (entity !== 'job') feed.publish(`${entity} ${id}`, { type: `${entity}.changed`, rev, id, deleted });
    else if (deleted) {
      gathered.delete(id);
      told.delete(id);
      feed.publish(`job ${id}`, { type: 'job.deleted', rev, id });
    } else {
      gathered.add(id);
      // What could not be read shows at the next change, or when the page looks again.
      timer ??= setTimeout(() => void tellJobs().catch(() => {}), GATHER_MS);
    }
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}
