import type { ApiKey } from '@contract/keys.ts';
import { Button, Drawer, Group, NativeSelect, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { keyUsageQuery, usageByDayQuery } from '../../api/keys.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { Notice } from '../../components/notice.tsx';
import { QueryView } from '../../components/query-view.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { BurnDown } from './burn-down.tsx';
import { DayBars } from './day-bars.tsx';
import { draftOf } from './key-draft.ts';
import { KeyFacts } from './key-facts.tsx';
import { keyState } from './key-state.ts';
import { KeyStateBadge } from './key-state-badge.tsx';
import { messages } from './messages.ts';
import { firstDay, startOfNext, usageDays } from './usage-days.ts';

export interface KeyDrawerProps {
  id: string;
  /** undefined: a caller without a record. */
  apiKey: ApiKey | undefined;
  onClose: () => void;
  onEdit: (key: ApiKey) => void;
  onRotate: (key: ApiKey) => void;
  onRevoke: (key: ApiKey) => void;
}

const RANGES = [7, 30, 90] as const;

/** One key: what it may do, what is left of its limits, and its use by day. */
export function KeyDrawer({ id, apiKey, onClose, onEdit, onRotate, onRevoke }: KeyDrawerProps) {
  const t = useT(messages);
  const { dateTime } = useFormat();
  const offline = useOfflineReason();
  const [days, setDays] = useState(30);
  const usage = useQuery(keyUsageQuery(id));
  const byDay = useQuery(usageByDayQuery(id, firstDay(days, Date.now())));
  const now = Date.now() / 1000;
  const state = apiKey === undefined ? undefined : keyState(apiKey, now);
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={apiKey?.name ?? id}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack gap="lg">
        {apiKey === undefined || state === undefined ? (
          <p>{t('builtIn')}</p>
        ) : (
          <>
            <Group gap="sm">
              <KeyStateBadge state={state} />
              {state !== 'revoked' && (
                <>
                  <Button size="xs" variant="default" disabled={offline !== undefined} onClick={() => onEdit(apiKey)}>
                    {t('edit')}
                  </Button>
                  <Button size="xs" variant="default" disabled={offline !== undefined} onClick={() => onRotate(apiKey)}>
                    {t('rotate')}
                  </Button>
                  <Button
                    size="xs"
                    color="red"
                    variant="light"
                    disabled={offline !== undefined}
                    onClick={() => onRevoke(apiKey)}
                  >
                    {t('revoke')}
                  </Button>
                </>
              )}
              <Link to="/jobs" search={{ key: id }}>
                {t('jobsOfKey')}
              </Link>
            </Group>
            {state === 'overlapping' && apiKey.previous_secret_expires_at !== null && (
              <Notice tone="active" title={t('overlapUntil', { time: dateTime(apiKey.previous_secret_expires_at) })} />
            )}
          </>
        )}
        <section aria-label={t('limits')}>
          <QueryView query={usage}>
            {({ today, this_month: month, running }) => (
              <Stack gap="sm">
                <BurnDown
                  name={t('running')}
                  used={running}
                  limit={apiKey?.limits.concurrent_jobs ?? null}
                  unit="count"
                />
                <BurnDown
                  name={t('today')}
                  used={today.audio_seconds + today.reserved_seconds}
                  limit={today.limit_seconds}
                  unit="min"
                  resetsAt={startOfNext('day', today.day)}
                />
                <BurnDown
                  name={t('thisMonth')}
                  used={month.audio_seconds + month.reserved_seconds}
                  limit={month.limit_seconds}
                  unit="min"
                  resetsAt={startOfNext('month', today.day)}
                />
              </Stack>
            )}
          </QueryView>
        </section>
        <section aria-label={t('usage')}>
          <Group justify="space-between" gap="sm" mb="sm">
            <h3>{t('usage')}</h3>
            <NativeSelect
              aria-label={t('range')}
              value={days}
              onChange={(event) => setDays(Number(event.currentTarget.value))}
              data={RANGES.map((count) => ({ value: String(count), label: t('days', { count }) }))}
            />
          </Group>
          <QueryView query={byDay}>{(report) => <DayBars days={usageDays(report)} />}</QueryView>
        </section>
        {apiKey !== undefined && (
          <KeyFacts
            draft={draftOf(apiKey)}
            more={[
              [t('prefix'), <code key="prefix">{apiKey.prefix ?? '–'}</code>],
              [t('created'), dateTime(apiKey.created_at)],
              ['Id', <code key="id">{apiKey.id}</code>],
            ]}
          />
        )}
      </Stack>
    </Drawer>
  );
}
