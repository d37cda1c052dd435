import { Drawer, Progress, Stack, Title } from '@mantine/core';
import { type Operation, useOperations } from '../../api/operations.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { StateBadge, type Tone } from '../../components/state-badge.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';

const LOOKS = {
  running: { tone: 'active', text: 'operationRunning' },
  succeeded: { tone: 'ok', text: 'operationSucceeded' },
  failed: { tone: 'error', text: 'operationFailed' },
  cancelled: { tone: 'idle', text: 'operationCancelled' },
} as const satisfies Record<Operation['state'], { tone: Tone; text: string }>;

const KINDS = {
  download: 'operationDownload',
  load: 'operationLoad',
  unload: 'operationUnload',
  job: 'operationJob',
  other: 'operationOther',
} as const satisfies Record<Operation['kind'], string>;

/** All that is under way, and the last that ended since the page was opened. */
export default function OperationsDrawer({ onClose }: { onClose: () => void }) {
  const t = useT(messages);
  const { running, finished } = useOperations();
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      title={t('operations')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack gap="lg">
        <section aria-labelledby="operations-running">
          <Title order={3} id="operations-running" mb="sm">
            {t('operationsRunning', { count: running.length })}
          </Title>
          {running.length === 0 ? <EmptyState>{t('noOperations')}</EmptyState> : <List operations={running} />}
        </section>
        {finished.length > 0 && (
          <section aria-labelledby="operations-finished">
            <Title order={3} id="operations-finished" mb="sm">
              {t('operationsFinished')}
            </Title>
            <List operations={finished} />
          </section>
        )}
      </Stack>
    </Drawer>
  );
}

function List({ operations }: { operations: readonly Operation[] }) {
  const t = useT(messages);
  const { time } = useFormat();
  return (
    <Stack component="ul" gap="md">
      {operations.map(({ id, kind, subject, state, progress, reason, endedAt }) => (
        <li key={`${id} ${endedAt ?? ''}`}>
          <p style={{ overflowWrap: 'anywhere' }}>{t(KINDS[kind], { subject })}</p>
          <StateBadge tone={LOOKS[state].tone} word={t(LOOKS[state].text)} /> {endedAt !== undefined && time(endedAt)}
          {progress !== undefined && (
            <Progress.Root mt="xs">
              <Progress.Section value={Math.min(99, progress * 100)} aria-label={t(KINDS[kind], { subject })} />
            </Progress.Root>
          )}
          {reason !== undefined && <p style={{ overflowWrap: 'anywhere' }}>{reason}</p>}
        </li>
      ))}
    </Stack>
  );
}
