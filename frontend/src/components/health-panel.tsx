import type { Health } from '@contract/health.ts';
import { Card, Group, Stack, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { healthQuery } from '../api/health.ts';
import { useT } from '../lib/i18n/use-t.ts';
import { LoadingSkeleton } from './loading-skeleton.tsx';
import { messages } from './messages.ts';
import { Notice } from './notice.tsx';
import { StateBadge } from './state-badge.tsx';

/** The server's own checks, which need no key. */
export function HealthPanel() {
  const t = useT(messages);
  const { data, error } = useQuery(healthQuery);
  return (
    <Card
      withBorder
      component="section"
      aria-labelledby="health-heading"
      aria-busy={data === undefined && error === null}
    >
      <Group gap="sm" mb="sm">
        <Title order={2} id="health-heading">
          {t('health')}
        </Title>
        {/* Always there, so that a change of its text is read out. */}
        <span role="status">{error === null && data !== undefined && <Summary checks={data.checks} />}</span>
      </Group>
      {error !== null ? (
        <Notice tone="error" title={t('healthUnknown')}>
          <p>
            {error.message} {t('healthRetry')}
          </p>
        </Notice>
      ) : data === undefined ? (
        <LoadingSkeleton rows={4} />
      ) : (
        <Checks checks={data.checks} />
      )}
    </Card>
  );
}

function Summary({ checks }: Pick<Health, 'checks'>) {
  const t = useT(messages);
  const all = Object.values(checks);
  const count = all.filter(({ ok }) => !ok).length;
  if (count === 0) return <StateBadge tone="ok" word={t('allChecks')} />;
  return <StateBadge tone="error" word={t('failingChecks', { count, total: all.length })} />;
}

function Checks({ checks }: Pick<Health, 'checks'>) {
  const t = useT(messages);
  const entries = Object.entries(checks);
  if (entries.length === 0) return <p>{t('noChecks')}</p>;
  return (
    <Stack component="ul" gap="sm">
      {entries.map(([name, { ok, reason }]) => (
        <li key={name}>
          <Group gap="sm" justify="space-between">
            <span>{sentenceCase(name)}</span>
            <StateBadge tone={ok ? 'ok' : 'error'} word={ok ? t('checkOk') : t('checkFails')} />
          </Group>
          {reason !== null && <p style={{ overflowWrap: 'anywhere' }}>{reason}</p>}
        </li>
      ))}
    </Stack>
  );
}

/** `model_cache` → `Model cache`; what begins with a program's name keeps its spelling. */
function sentenceCase(name: string): string {
  if (name === 'ffmpeg') return name;
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
