/** One model: how it is, where it lives, its replicas and their proofs, its files. */
import type { AdminModelDetail } from '@contract/admin.ts';
import { Anchor, Button, Code, Group } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ApiError } from '../../api/api-error.ts';
import { gpusQuery } from '../../api/gpus.ts';
import { modelActions } from '../../api/model-actions.ts';
import { modelQuery } from '../../api/models.ts';
import { noteModel } from '../../api/note-model.ts';
import { BundledBadge } from '../../components/bundled-badge.tsx';
import { useOfflineReason } from '../../components/data-age.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { ReleaseProofs } from '../../components/release-proofs.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { hasProcess } from '../../lib/device-memory.ts';
import { deviceName } from '../../lib/device-name.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { Announcer } from './announcer.tsx';
import { Footprint } from './footprint.tsx';
import { HubAccess } from './hub-access.tsx';
import { License } from './license.tsx';
import { messages } from './messages.ts';
import { ModelActions } from './model-actions.tsx';
import { MODEL_TONES } from './model-card.tsx';
import { ModelFiles } from './model-files.tsx';
import classes from './models.module.css';
import { type Replica, ReplicaRow } from './replica-row.tsx';

export function ModelPage() {
  const t = useT(messages);
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const query = useQuery(modelQuery(id));
  const isMissing = query.error instanceof ApiError && query.error.status === 404;
  return (
    <>
      <PageHeader
        title={id}
        description={
          query.data !== undefined && (
            <Group gap="sm">
              <StateBadge tone={MODEL_TONES[query.data.status]} word={t(query.data.status)} />
              {query.data.bundled && <BundledBadge />}
              <span>
                {query.data.task} · {query.data.family}
              </span>
            </Group>
          )
        }
        actions={
          <Button component={Link} to="/models" variant="default">
            {t('allModels')}
          </Button>
        }
      />
      {isMissing ? (
        <EmptyState
          action={
            <Anchor component={Link} to="/models">
              {t('allModels')}
            </Anchor>
          }
        >
          {t('noSuchModel', { id })}
        </EmptyState>
      ) : (
        <QueryView query={query} errorTitle={t('modelReadFailed')}>
          {(model) => <Detail model={model} />}
        </QueryView>
      )}
    </>
  );
}

function Detail({ model }: { model: AdminModelDetail }) {
  const t = useT(messages);
  const { dateTime } = useFormat();
  const { data: gpus } = useQuery(gpusQuery);
  const nameOf = (device: string) => deviceName(device, gpus?.data.find(({ uuid }) => uuid === device)?.index);
  return (
    <div className={classes.sections}>
      <Announcer models={[model]} />
      <Section title={t('state')}>
        {model.reason !== null && <p className={classes.reason}>{model.reason}</p>}
        {model.fallback !== null && <p>{model.fallback}</p>}
        <ModelActions model={model} all />
        <dl className={classes.facts}>
          <dt>{t('footprint')}</dt>
          <dd>
            <Footprint model={model} />
          </dd>
          <dt>{t('precision')}</dt>
          <dd>{model.precision ?? '–'}</dd>
          <dt>{t('waiting')}</dt>
          <dd>{model.queued}</dd>
          <dt>{t('languages')}</dt>
          <dd>{model.languages.length === 0 ? t('anyLanguage') : model.languages.join(', ')}</dd>
        </dl>
      </Section>
      <Placement model={model} nameOf={nameOf} />
      <Section title={t('replicas')}>
        {model.replicas.length === 0 && <p className={classes.quiet}>{t('noReplicas')}</p>}
        <ul className={classes.replicaList}>
          {model.replicas.map((replica) => (
            <li key={replica.id}>
              <ReplicaDetail model={model.id} replica={replica} />
            </li>
          ))}
        </ul>
      </Section>
      <Section title={t('proofs')}>
        {model.proofs.length === 0 ? (
          <p className={classes.quiet}>{t('noProofs')}</p>
        ) : (
          <ReleaseProofs proofs={model.proofs.map((proof) => ({ ...proof, deviceName: nameOf(proof.device) }))} />
        )}
      </Section>
      <Section title={t('files')}>
        <ModelFiles files={model.files} />
        <dl className={classes.facts}>
          <dt>{t('repository')}</dt>
          <dd>{model.repo}</dd>
          <dt>{t('revision')}</dt>
          <dd>
            {model.revision} {model.files.commit !== null && <Code>{model.files.commit.slice(0, 12)}</Code>}
          </dd>
          <dt>{t('licence')}</dt>
          <dd>
            <License model={model} detailed />
            <HubAccess repositories={model.repositories} />
          </dd>
          {model.published !== null && (
            <>
              <dt>{t('published')}</dt>
              <dd>
                {Number.isNaN(Date.parse(model.published))
                  ? model.published
                  : dateTime(Date.parse(model.published) / 1000)}
              </dd>
            </>
          )}
        </dl>
      </Section>
    </div>
  );
}

function Placement({ model, nameOf }: { model: AdminModelDetail; nameOf: (device: string) => string }) {
  const t = useT(messages);
  const { duration } = useFormat();
  const { placement } = model;
  const keepAlive = placement?.keep_alive_seconds ?? null;
  return (
    <Section title={t('placement')}>
      {placement === null ? (
        <p className={classes.quiet}>{t('noPlacement')}</p>
      ) : (
        <dl className={classes.facts}>
          <dt>{t('devices')}</dt>
          <dd>{placement.devices.map(nameOf).join(', ')}</dd>
          <dt>{t('replicasPerDevice')}</dt>
          <dd>{placement.replicas_per_device}</dd>
          <dt>{t('keepAlive')}</dt>
          <dd>
            {keepAlive === null ? t('keepAliveDefault') : keepAlive < 0 ? t('keepAliveEver') : duration(keepAlive)}
          </dd>
          <dt>{t('maxBatch')}</dt>
          <dd>{placement.max_batch ?? t('asModel')}</dd>
        </dl>
      )}
    </Section>
  );
}

function ReplicaDetail({ model, replica }: { model: string; replica: Replica }) {
  const t = useT(messages);
  const client = useQueryClient();
  const offline = useOfflineReason();
  const { bytes, relative } = useFormat();
  const restart = useMutation({
    mutationFn: () => modelActions.restart(model, replica.id),
    onSuccess: (changed) => noteModel(client, changed),
  });
  const size = (value: number | null) => (value === null ? '–' : bytes(value));
  return (
    <>
      <div className={classes.replicaLine}>
        <div>
          <ReplicaRow replica={replica} />
        </div>
        {(hasProcess(replica) || replica.state === 'failed') && (
          <Button
            size="compact-sm"
            variant="default"
            loading={restart.isPending}
            disabled={offline !== undefined}
            title={offline}
            onClick={() => restart.mutate()}
          >
            {t('restart')}
          </Button>
        )}
      </div>
      <p className={classes.quiet}>
        {[
          replica.id,
          ...(replica.pid === null ? [] : [t('pid', { pid: String(replica.pid) })]),
          ...(replica.started_at === null ? [] : [t('startedAt', { when: relative(replica.started_at) })]),
          t('peak', { bytes: size(replica.peak_bytes) }),
          ...(replica.crashes_in_a_row === 0 ? [] : [t('crashes', { count: replica.crashes_in_a_row })]),
        ].join(' · ')}
      </p>
      {restart.error !== null && <ErrorCard error={restart.error} />}
    </>
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
