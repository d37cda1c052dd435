/** What can be done with a model in its present state: one thing first, the rest beside it. */
import type { AdminModel } from '@contract/admin.ts';
import { Button, Group } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { ApiError } from '../../api/api-error.ts';
import { modelActions } from '../../api/model-actions.ts';
import { noteModel } from '../../api/note-model.ts';
import { useOfflineReason } from '../../components/data-age.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { isUnconfirmed } from './license-kind.ts';
import { messages } from './messages.ts';
import { actionsFor, type ModelAction } from './model-action-list.ts';

const DIALOGS = {
  load: lazy(() => import('./load-dialog.tsx')),
  unload: lazy(() => import('./unload-dialog.tsx')),
  cancel: lazy(() => import('./cancel-download-dialog.tsx')),
  deleteFiles: lazy(() => import('./delete-files-dialog.tsx')),
  remove: lazy(() => import('./remove-model-dialog.tsx')),
};
const ConfirmLicenseDialog = lazy(() => import('./confirm-license-dialog.tsx'));

/** What the server refuses while the licence is not confirmed. */
const NEEDS_LICENSE: ReadonlySet<ModelAction> = new Set([
  'download',
  'retryDownload',
  'resume',
  'load',
  'move',
  'reload',
]);

const TEXTS = {
  download: 'downloadNow',
  retryDownload: 'retryDownload',
  pause: 'pause',
  resume: 'resume',
  cancel: 'cancelEllipsis',
  load: 'load',
  move: 'move',
  reload: 'reload',
  unload: 'unloadEllipsis',
  deleteFiles: 'deleteFilesEllipsis',
  remove: 'removeEllipsis',
} as const satisfies Record<ModelAction, string>;

export interface ModelActionsProps {
  model: AdminModel;
  /** All of them, not only the first ones. */
  all?: boolean;
}

export function ModelActions({ model, all = false }: ModelActionsProps) {
  const t = useT(messages);
  const client = useQueryClient();
  const offline = useOfflineReason();
  const [dialog, setDialog] = useState<keyof typeof DIALOGS>();
  const [heldUp, setHeldUp] = useState<ModelAction>();
  const act = useMutation({
    mutationFn: (action: 'download' | 'pause' | 'reload') => modelActions[action](model.id),
    onSuccess: (changed) => noteModel(client, changed),
    // The licence is another one than this page knows.
    onError: (error, action) => {
      if (error instanceof ApiError && error.code === 'license_not_confirmed') setHeldUp(action);
    },
  });
  const actions = actionsFor(model);
  const shown = actions.filter((action, index) => all || index < 2 || action === 'remove');
  const Dialog = dialog === undefined ? undefined : DIALOGS[dialog];

  const start = (action: ModelAction) => {
    act.reset();
    if (NEEDS_LICENSE.has(action) && isUnconfirmed(model)) setHeldUp(action);
    else run(action);
  };
  const run = (action: ModelAction) => {
    switch (action) {
      case 'download':
      case 'retryDownload':
      case 'resume':
        return act.mutate('download');
      case 'pause':
      case 'reload':
        return act.mutate(action);
      case 'move':
        return setDialog('load');
      default:
        return setDialog(action);
    }
  };
  return (
    <>
      <Group gap="sm">
        {shown.map((action, index) => (
          <Button
            key={action}
            variant={index > 0 ? 'default' : all ? 'filled' : 'light'}
            loading={act.isPending && index === 0}
            disabled={offline !== undefined}
            title={offline}
            aria-label={t('actionOn', { action: t(TEXTS[action]), id: model.id })}
            onClick={() => start(action)}
          >
            {t(TEXTS[action])}
          </Button>
        ))}
      </Group>
      {act.error !== null && <ErrorCard error={act.error} />}
      {heldUp !== undefined && (
        <Suspense>
          <ConfirmLicenseDialog model={model} onClose={() => setHeldUp(undefined)} onConfirmed={() => run(heldUp)} />
        </Suspense>
      )}
      {Dialog !== undefined && (
        <Suspense>
          <Dialog model={model} onClose={() => setDialog(undefined)} />
        </Suspense>
      )}
    </>
  );
}
