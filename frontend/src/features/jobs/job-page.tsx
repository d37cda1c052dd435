import type { Job } from '@contract/jobs.ts';
import { Button, Card, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { Fragment, type ReactNode } from 'react';
import { isOver, jobQuery, jobTraceQuery, type ListedJob } from '../../api/jobs.ts';
import { ownKeyQuery } from '../../api/own-key.ts';
import { type Role, useRole } from '../../api/session.ts';
import { CodeBlock } from '../../components/code-block.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { Facts } from '../../components/facts.tsx';
import { LoadingSkeleton } from '../../components/loading-skeleton.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { JobArtifacts } from './job-artifacts.tsx';
import { JobEvents } from './job-events.tsx';
import { JobProgress } from './job-progress.tsx';
import { JobStatusBadge } from './job-status.tsx';
import classes from './jobs.module.css';
import { messages } from './messages.ts';
import { StageTimeline } from './stage-timeline.tsx';
import { useJobActions } from './use-job-actions.tsx';

const route = getRouteApi('/jobs/$id');

export function JobPage() {
  const t = useT(messages);
  const { id } = route.useParams();
  const navigate = useNavigate();
  const role = useRole();
  const query = useQuery(jobQuery(role, id));
  const { data: own } = useQuery(ownKeyQuery);
  const { ask, dialog } = useJobActions(role, (action) => {
    if (action === 'delete') void navigate({ to: '/jobs' });
  });
  const offline = useOfflineReason();
  const job = query.data;
  const isOwn = role === 'user' || (own !== undefined && job?.key?.id === own.id);
  return (
    <>
      <PageHeader
        title={t('jobTitle')}
        description={
          <>
            <code>{id}</code> <CopyButton value={id} /> <Link to="/jobs">{t('back')}</Link>
          </>
        }
        actions={
          job !== undefined && (
            <>
              {isOwn && (
                <Button
                  variant="default"
                  renderRoot={(props) => <Link {...props} to="/playground" search={{ job: job.id }} />}
                >
                  {t('openPlayground')}
                </Button>
              )}
              {!isOver(job) && (
                <Button variant="default" disabled={offline !== undefined} onClick={() => ask('cancel', [job])}>
                  {t('cancel')}
                </Button>
              )}
              {(job.status === 'failed' || job.status === 'cancelled') && (
                <Button variant="default" disabled={offline !== undefined} onClick={() => ask('retry', [job])}>
                  {t('retry')}
                </Button>
              )}
              <Button color="red" variant="light" disabled={offline !== undefined} onClick={() => ask('delete', [job])}>
                {t('delete')}
              </Button>
            </>
          )
        }
      />
      <QueryView query={query} errorTitle={t('readOneFailed')}>
        {(found) => <JobDetail job={found} role={role} isOwn={isOwn} />}
      </QueryView>
      {dialog}
    </>
  );
}

function JobDetail({ job, role, isOwn }: { job: ListedJob; role: Role; isOwn: boolean }) {
  const t = useT(messages);
  const trace = useQuery(jobTraceQuery(role, job));
  const metadata = Object.entries(job.metadata);
  return (
    <>
      {job.error !== null && <ErrorCard error={new Error(job.error.message)} title={t('failed')} />}
      <div className={classes.columns}>
        <div className={classes.column}>
          <Part title={t('timeline')}>
            {trace.data === undefined ? (
              trace.error === null ? (
                <LoadingSkeleton rows={3} />
              ) : (
                <ErrorCard error={trace.error} onRetry={() => void trace.refetch()} />
              )
            ) : (
              <StageTimeline stages={trace.data.stages} now={Date.now() / 1000} />
            )}
          </Part>
          {trace.data !== undefined && trace.data.attempts.length > 0 && (
            <Part title={t('attempts')}>
              <Attempts attempts={trace.data.attempts} />
            </Part>
          )}
          {isOwn && (
            <Part title={t('events')}>
              <JobEvents id={job.id} key={job.id} />
            </Part>
          )}
          {trace.data !== undefined && (
            <Part title={t('request')}>
              <CodeBlock>{JSON.stringify(trace.data.request, null, 2)}</CodeBlock>
            </Part>
          )}
        </div>
        <div className={classes.column}>
          <Part title={t('facts')}>
            <JobFacts job={job} />
          </Part>
          <Part title={t('artifacts')}>
            <JobArtifacts job={job} isOwn={isOwn} />
          </Part>
          {metadata.length > 0 && (
            <Part title={t('metadata')}>
              <Facts facts={metadata} />
            </Part>
          )}
        </div>
      </div>
    </>
  );
}

function Attempts({
  attempts,
}: {
  attempts: {
    number: number;
    started_at: number;
    finished_at: number | null;
    outcome: Job['status'];
    devices: string[];
  }[];
}) {
  const t = useT(messages);
  const { duration, time } = useFormat();
  return (
    <ol>
      {attempts.map(({ number, started_at, finished_at, outcome, devices }) => (
        <li key={number} className={classes.artifact}>
          <span>
            {t('attemptNumber', { number })} · {devices.length === 0 ? t('noDevice') : devices.join(', ')}{' '}
            <span className={classes.quiet}>
              {time(started_at)}
              {finished_at !== null && ` · ${duration(finished_at - started_at)}`}
            </span>
          </span>
          <JobStatusBadge status={outcome} />
        </li>
      ))}
    </ol>
  );
}

function JobFacts({ job }: { job: ListedJob }) {
  const t = useT(messages);
  const { dateTime, duration, bytes } = useFormat();
  const { key, input, error, started_at, finished_at } = job;
  return (
    <Facts
      facts={[
        [
          t('status'),
          <Fragment key="status">
            <JobStatusBadge status={job.status} /> {error === null && <JobProgress job={job} />}
          </Fragment>,
        ],
        [t('task'), t(job.task)],
        [t('model'), job.model],
        key !== undefined && [
          t('key'),
          <Link key="key" to="/keys" search={{ key: key.id }}>
            {key.name ?? key.id}
          </Link>,
        ],
        [
          t('input'),
          <Fragment key="input">
            {input.name} {input.bytes !== null && bytes(input.bytes)}{' '}
            {!input.available && <span className={classes.quiet}>{t('inputGone')}</span>}
          </Fragment>,
        ],
        [t('created'), dateTime(job.created_at)],
        started_at !== null && [t('started'), dateTime(started_at)],
        finished_at !== null && [t('finished'), dateTime(finished_at)],
        finished_at !== null && [t('took'), duration(finished_at - job.created_at)],
        [t('attempts'), job.attempts],
      ]}
    />
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card withBorder component="section" aria-label={title}>
      <Title order={2} mb="sm">
        {title}
      </Title>
      {children}
    </Card>
  );
}
