/** The GPUs now and over the last hour: charts on one axis, who holds the memory, and the proof that it came back. */
import type { AdminModel } from '@contract/admin.ts';
import type { Gpu, GpuList, GpuSeries } from '@contract/gpus.ts';
import { Button } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { memo, type ReactNode, useMemo, useState } from 'react';
import { gpuSeriesQuery, gpusQuery } from '../../api/gpus.ts';
import { modelQuery, modelsQuery } from '../../api/models.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { MemoryBar } from '../../components/memory-bar.tsx';
import { Notice } from '../../components/notice.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { ReleaseProofs, type ShownProof } from '../../components/release-proofs.tsx';
import { type DeviceMemory, deviceMemories, seriesOf } from '../../lib/device-memory.ts';
import { deviceName } from '../../lib/device-name.ts';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { GpuCharts } from './gpu-charts.tsx';
import { GpuTable } from './gpu-table.tsx';
import { GpuTiles } from './gpu-tiles.tsx';
import classes from './gpus.module.css';
import { messages } from './messages.ts';

const route = getRouteApi('/gpus');
const SHOWN_PROOFS = 10;

export function GpusPage() {
  const t = useT(messages);
  const gpus = useQuery(gpusQuery);
  return (
    <>
      <PageHeader
        title={t('title')}
        count={gpus.data?.data.length}
        description={gpus.data?.driver_version != null && t('driver', { version: gpus.data.driver_version })}
      />
      <QueryView query={gpus} errorTitle={t('readFailed')}>
        {(list) => (
          <div className={classes.sections}>
            {list.state === 'failing' && (
              <Notice tone="warning" title={t('failing')}>
                <p>{list.reason}</p>
              </Notice>
            )}
            {list.data.length === 0 ? <EmptyState>{list.reason ?? t('none')}</EmptyState> : <Gpus list={list} />}
          </div>
        )}
      </QueryView>
    </>
  );
}

function Gpus({ list }: { list: GpuList }) {
  const t = useT(messages);
  const { gpu } = route.useSearch();
  const navigate = useNavigate();
  const series = useQuery(gpuSeriesQuery);
  const { data: models = [] } = useQuery(modelsQuery);
  const [asTable, setAsTable] = useState(false);
  const chosen = list.data.find(({ uuid, index }) => uuid === gpu || String(index) === gpu);
  const memories = memoriesOf(list.data, models);
  return (
    <>
      <GpuTiles
        gpus={list.data}
        chosen={chosen?.uuid}
        onChoose={(uuid) => void navigate({ to: '/gpus', search: { gpu: uuid }, replace: true })}
      />
      <section className={classes.sections} aria-label={t('lastHour')}>
        <div className={classes.head}>
          <h2>
            {chosen === undefined ? t('lastHourAll') : t('lastHourOf', { gpu: deviceName(chosen.uuid, chosen.index) })}
          </h2>
          <Button size="compact-md" variant="default" onClick={() => setAsTable(!asTable)}>
            {asTable ? t('asCharts') : t('asTable')}
          </Button>
        </div>
        <QueryView query={series} errorTitle={t('seriesFailed')}>
          {(data) => <LastHour series={data} chosen={chosen?.uuid} asTable={asTable} />}
        </QueryView>
      </section>
      <Holders
        memories={chosen === undefined ? memories : memories.filter(({ id }) => id === chosen.uuid)}
        all={memories}
      />
      {series.data !== undefined && <Proofs series={series.data} gpus={list.data} chosen={chosen?.uuid} />}
    </>
  );
}

interface LastHourProps {
  series: GpuSeries;
  chosen: string | undefined;
  asTable: boolean;
}

/** The page is drawn with every sample of the GPUs, the charts only with another series. */
const LastHour = memo(function LastHour({ series, chosen, asTable }: LastHourProps) {
  const shown = useMemo(() => {
    return { ...series, gpus: series.gpus.filter(({ uuid }) => chosen === undefined || uuid === chosen) };
  }, [series, chosen]);
  return asTable ? <GpuTable series={shown} /> : <GpuCharts series={shown} isOne={chosen !== undefined} />;
});

function Holders({ memories, all }: { memories: readonly DeviceMemory[]; all: readonly DeviceMemory[] }) {
  const t = useT(messages);
  const { bytes } = useFormat();
  const color = seriesOf(all);
  return (
    <Section title={t('whoHolds')}>
      <ul className={classes.holders}>
        {memories.map(({ id, index, held, otherBytes, freeBytes, totalBytes }) => (
          <li key={id} className={classes.holder}>
            <strong>{deviceName(id, index)}</strong>
            <MemoryBar
              parts={held.map(({ replica, model, bytes: size }) => ({
                key: replica.id,
                name: model,
                bytes: size,
                color: color(model),
              }))}
              otherBytes={otherBytes}
              totalBytes={totalBytes}
            />
            <span>
              {held.map(({ replica, model, bytes: size }) => (
                <span key={replica.id}>
                  <span className={classes.swatch} style={{ background: color(model) }} aria-hidden />
                  {model} {bytes(size)}
                  {' · '}
                </span>
              ))}
              {otherBytes > 0 && `${t('others', { bytes: bytes(otherBytes) })} · `}
              {t('free', { bytes: bytes(freeBytes) })}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

interface ProofsProps {
  series: GpuSeries;
  gpus: readonly Gpu[];
  chosen: string | undefined;
}

/** Of the models of which a replica ended within the hour. */
function Proofs({ series, gpus, chosen }: ProofsProps) {
  const t = useT(messages);
  const ended = [...new Set(series.events.filter(({ type }) => type !== 'loaded').map(({ model }) => model))];
  const details = useQueries({ queries: ended.map(modelQuery) });
  const proofs = details
    .flatMap(({ data }) => data?.proofs.map((proof) => ({ ...proof, model: data.id })) ?? [])
    .flatMap((proof): ShownProof[] => {
      const gpu = gpus.find(({ uuid }) => uuid === proof.device);
      if (gpu === undefined || (chosen !== undefined && gpu.uuid !== chosen)) return [];
      return [{ ...proof, deviceName: deviceName(gpu.uuid, gpu.index) }];
    })
    .sort((a, b) => b.at - a.at)
    .slice(0, SHOWN_PROOFS);
  return (
    <Section title={t('proofs')}>
      {proofs.length === 0 ? <p className={classes.quiet}>{t('noProofs')}</p> : <ReleaseProofs proofs={proofs} />}
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

function memoriesOf(gpus: readonly Gpu[], models: readonly AdminModel[]): DeviceMemory[] {
  const devices = gpus.map(({ uuid, index, memory_total_bytes, memory_used_bytes, reason }) => ({
    id: uuid,
    index,
    kind: 'cuda' as const,
    total_bytes: memory_total_bytes ?? 0,
    used_bytes: memory_used_bytes ?? 0,
    unavailable: reason,
  }));
  return deviceMemories({ devices }, gpus, models);
}
