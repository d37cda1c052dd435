/** The first page: what needs attention, traffic, GPUs, what runs and what failed. */
import type { Overview, Traffic } from '@contract/overview.ts';
import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { gpusQuery } from '../../api/gpus.ts';
import { modelsQuery } from '../../api/models.ts';
import { overviewQuery, type RunningJob, runningJobsQuery } from '../../api/overview.ts';
import tile from '../../components/gpu-tile.module.css';
import { GpuTile } from '../../components/gpu-tile.tsx';
import { HealthPanel } from '../../components/health-panel.tsx';
import { LoadingSkeleton } from '../../components/loading-skeleton.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { Folded } from './folded.tsx';
import { messages } from './messages.ts';
import { NeedsAttention } from './needs-attention.tsx';
import classes from './overview.module.css';
import { RecentFailure } from './recent-failure.tsx';
import { Sparkline } from './sparkline.tsx';

export function OverviewPage() {
  const t = useT(messages);
  const overview = useQuery(overviewQuery);
  const models = useQuery(modelsQuery);
  const jobs = overview.data?.jobs ?? null;
  const running = useQuery({ ...runningJobsQuery, enabled: overview.data?.jobs !== null });
  // All at once: what came later would push away what stands below it.
  const isThere = overview.data !== undefined && !models.isPending && (jobs === null || !running.isPending);
  return (
    <>
      <PageHeader title={t('title')} />
      <div className={classes.sections}>
        <QueryView
          query={isThere ? overview : { ...overview, data: undefined }}
          errorTitle={t('readFailed')}
          loading={<LoadingSkeleton rows={12} />}
        >
          {(data) => (
            <>
              <NeedsAttention doctor={data.doctor} models={models.data ?? []} />
              <TrafficNow traffic={data.traffic} />
              <GpusNow gpus={data.gpus} />
              <div className={classes.halves}>
                <RunningJobs counts={jobs} running={running} />
                <Failures failures={data.failures} />
              </div>
            </>
          )}
        </QueryView>
        {(isThere || overview.error !== null) && <HealthPanel />}
      </div>
    </>
  );
}

function TrafficNow({ traffic }: { traffic: Traffic }) {
  const t = useT(messages);
  const { number, duration, percent } = useFormat();
  const { now } = traffic;
  const figures = [
    {
      name: t('requestsPerSecond'),
      value: number(now.requests_per_second, { maximumFractionDigits: 2 }),
      values: traffic.requests_per_second,
    },
    { name: t('p95'), value: now.p95_seconds === null ? '–' : duration(now.p95_seconds), values: traffic.p95_seconds },
    { name: t('queue'), value: number(now.queue), values: traffic.queue },
    { name: t('errors'), value: now.error_rate === null ? '–' : percent(now.error_rate), values: traffic.error_rate },
  ];
  return (
    <dl className={classes.figures} aria-label={t('traffic')}>
      {figures.map(({ name, value, values }) => (
        <div key={name} className={classes.figure}>
          <dt>{name}</dt>
          <dd>
            <strong>{value}</strong>
            <Sparkline values={values} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function GpusNow({ gpus }: { gpus: Overview['gpus'] }) {
  const t = useT(messages);
  // The stream has them by the second.
  const { data: live } = useQuery(gpusQuery);
  const list = live?.data ?? gpus.data;
  return (
    <Section title={t('gpus')}>
      {list.length === 0 ? (
        <p className={classes.quiet}>{gpus.reason ?? t('noGpus')}</p>
      ) : (
        <ul className={tile.tiles}>
          {list.map((gpu) => (
            <li key={gpu.uuid}>
              <Link to="/gpus" search={{ gpu: gpu.uuid }} className={tile.tile}>
                <GpuTile gpu={gpu} />
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

interface RunningJobsProps {
  /** null: there is no database to ask. */
  counts: Overview['jobs'];
  running: UseQueryResult<readonly RunningJob[]>;
}

function RunningJobs({ counts, running }: RunningJobsProps) {
  const t = useT(messages);
  const { percent } = useFormat();
  return (
    <Section title={t('jobs')}>
      {counts === null ? (
        <p className={classes.quiet}>{t('noDatabase')}</p>
      ) : (
        <>
          <p className={classes.quiet}>{t('jobCounts', { running: counts.running, queued: counts.queued })}</p>
          <QueryView query={running} errorTitle={t('jobsFailed')}>
            {(list) => (
              <ul className={classes.items}>
                {list.map(({ id, task, model, progress }) => (
                  <li key={id} className={classes.line}>
                    <Link to="/jobs/$id" params={{ id }} className={classes.link}>
                      {id}
                    </Link>
                    <span>
                      {task} · {model}
                    </span>
                    {progress.total_seconds !== null && progress.total_seconds > 0 && (
                      <span>{percent(Math.min(1, progress.processed_seconds / progress.total_seconds))}</span>
                    )}
                  </li>
                ))}
              </ul>
            )}
          </QueryView>
        </>
      )}
    </Section>
  );
}

function Failures({ failures }: Pick<Overview, 'failures'>) {
  const t = useT(messages);
  return (
    <Section title={t('failures')}>
      {failures.length === 0 ? (
        <p className={classes.quiet}>{t('noFailures')}</p>
      ) : (
        <Folded items={failures} keyOf={({ kind, id }) => `${kind} ${id}`} label={t('failures')}>
          {(failure) => <RecentFailure failure={failure} />}
        </Folded>
      )}
    </Section>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.section} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}
