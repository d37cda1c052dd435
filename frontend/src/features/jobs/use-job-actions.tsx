import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { actOnJobs, isOver, type JobAction, type ListedJob, refreshJobs } from '../../api/jobs.ts';
import type { Role } from '../../api/session.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

interface Asked {
  action: JobAction;
  jobs: readonly ListedJob[];
}

/** Cancel, retry and delete, each after a word about what it does. The dialog belongs on the page that asks. */
export function useJobActions(role: Role, onDone?: (action: JobAction) => void) {
  const t = useT(messages);
  const client = useQueryClient();
  const [asked, setAsked] = useState<Asked>();
  const [opened, setOpened] = useState(false);
  const ask = useCallback((action: JobAction, jobs: readonly ListedJob[]) => {
    setAsked({ action, jobs });
    setOpened(true);
  }, []);
  const act = async ({ action, jobs }: Asked) => {
    const errors = await actOnJobs(
      role,
      action,
      jobs.map(({ id }) => id),
    );
    void refreshJobs(client);
    const [first] = errors;
    if (first !== undefined) throw new Error(t('partlyFailed', { count: errors.length, reason: first.message }));
    onDone?.(action);
  };
  const dialog = asked !== undefined && (
    <ConfirmDialog
      opened={opened}
      onClose={() => setOpened(false)}
      title={t(`${asked.action}Title`, { count: asked.jobs.length })}
      destroys={destroyed(asked)}
      confirmLabel={t(`${asked.action}Do`, { count: asked.jobs.length })}
      onConfirm={() => act(asked)}
    >
      {asked.action === 'retry' && <p>{t('retryNote')}</p>}
      {asked.jobs.length === 1 && <code>{asked.jobs[0]?.id}</code>}
    </ConfirmDialog>
  );

  function destroyed({ action, jobs }: Asked): string[] {
    if (action === 'retry') return [];
    if (action === 'cancel') return [t('cancelLoses')];
    const unfinished = jobs.filter((job) => !isOver(job)).length;
    return [
      t('deleteAudio'),
      t('deleteWebhooks'),
      ...(unfinished > 0 ? [t('deleteRunning', { count: unfinished })] : []),
    ];
  }

  return { ask, dialog };
}
