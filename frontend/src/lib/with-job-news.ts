/** A job as it was fetched, with what an event tells of it since. */
import type { JobGlance as JobNews } from '@contract/admin.ts';
import type { Job } from '@contract/jobs.ts';

export function withJobNews<J extends Job>(job: J, news: JobNews): J {
  if (news.rev <= job.rev) return job;
  const { owner: _, object: __, ...changed } = news;
  // Only what waits has a place.
  return { ...job, ...changed, queue: news.status === 'queued' ? job.queue : null };
}
