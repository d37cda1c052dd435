import type { Job } from '@contract/jobs.ts';
import { Button, Progress, VisuallyHidden } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { cancelJob, isOver, jobTraceQuery, ownJobQuery, retryJob } from '../../api/own-jobs.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { Notice } from '../../components/notice.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { StateBadge, type Tone } from '../../components/state-badge.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { JobResult } from './job-result.tsx';
import { JobStages, stageName } from './job-stages.tsx';
import { messages } from './messages.ts';
import classes from './playground.module.css';

/** One job: where it stands, what it says so far, and its result. */
export function JobView({ id }: { id: string }) {
  const t = useT(messages);
  const query = useQuery(ownJobQuery(id));
  return (
    <QueryView query={query} errorTitle={t('jobUnreadable')}>
      {(job) => (
        <div className={classes.column}>
          <JobCard job={job} />
          <JobResult job={job} />
        </div>
      )}
    </QueryView>
  );
}

const TONES: Record<Job['status'], Tone> = {
  queued: 'idle',
  running: 'active',
  succeeded: 'ok',
  failed: 'error',
  cancelled: 'warning',
};

function JobCard({ job }: { job: Job }) {
  const t = useT(messages);
  const { duration } = useFormat();
  const client = useQueryClient();
  const offline = useOfflineReason();
  const take = (changed: Job) => {
    client.setQueryData(ownJobQuery(job.id).queryKey, changed);
    void client.invalidateQueries({ queryKey: ['own-job', job.id] });
  };
  const cancel = useMutation({ mutationFn: () => cancelJob(job.id), onSuccess: take });
  const retry = useMutation({ mutationFn: () => retryJob(job.id), onSuccess: take });
  const trace = useQuery(jobTraceQuery(job.id, job.rev, !isOver(job)));
  const stages = trace.data?.stages ?? [];
  const failedStage = stages.at(-1)?.name;
  const { processed_seconds: processed, total_seconds: total, eta_seconds: eta, stage_done: done } = job.progress;
  const share = done ?? (total === null || total === 0 ? null : Math.min(1, processed / total));
  return (
    <section className={classes.card} aria-labelledby="job-heading">
      <div className={classes.line}>
        <h2 id="job-heading">{t('job')}</h2>
        <StateBadge tone={TONES[job.status]} word={t(`job_${job.status}`)} />
        {job.cached && <StateBadge tone="idle" word={t('cached')} />}
        <span className={classes.dimmed}>
          {[job.input.name, job.model].filter((part) => part !== null && part !== '').join(' · ')}
        </span>
        <span data-end>
          {!isOver(job) && (
            <Button
              variant="default"
              size="compact-sm"
              loading={cancel.isPending}
              disabled={offline !== undefined}
              title={offline}
              onClick={() => cancel.mutate()}
            >
              {t('cancelJob')}
            </Button>
          )}
          {(job.status === 'failed' || job.status === 'cancelled') && (
            <Button
              size="compact-sm"
              loading={retry.isPending}
              disabled={offline !== undefined}
              title={offline}
              onClick={() => retry.mutate()}
            >
              {failedStage === undefined || failedStage === 'queued'
                ? t('retryJob')
                : t('retryStage', { stage: stageName(t, failedStage) })}
            </Button>
          )}
        </span>
      </div>
      {job.queue !== null && (
        <p>
          {job.queue.eta_seconds === null
            ? t('queuePosition', { position: job.queue.position })
            : t('queuePositionEta', { position: job.queue.position, eta: duration(job.queue.eta_seconds) })}
        </p>
      )}
      {job.status === 'running' && (
        <div>
          <Progress value={100 * (share ?? 0)} aria-label={t('progress')} />
          <p className={classes.dimmed}>
            {total !== null && t('processed', { done: duration(processed), total: duration(total) })}
            {eta !== null && ` · ${t('timeLeft', { time: duration(eta) })}`}
          </p>
        </div>
      )}
      <Announcement job={job} share={share} />
      <JobStages stages={stages} status={job.status} />
      {job.error !== null && (
        <Notice tone="error" title={t('jobFailed')}>
          <p>{job.error.message}</p>
          <p>{t('jobFailedFix')}</p>
        </Notice>
      )}
      {(cancel.error ?? retry.error) !== null && <ErrorCard error={cancel.error ?? retry.error} />}
    </section>
  );
}

/** Read out when the state changes, and at every quarter. */
function Announcement({ job, share }: { job: Job; share: number | null }) {
  const t = useT(messages);
  const { percent } = useFormat();
  const quarter = Math.floor((share ?? 0) * 4) / 4;
  const state = t(`job_${job.status}`);
  return (
    <VisuallyHidden role="status">
      {job.status === 'running' && quarter > 0 ? `${state}, ${percent(quarter)}` : state}
    </VisuallyHidden>
  );
}
