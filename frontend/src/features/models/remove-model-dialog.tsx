/** Takes a model that an operator added out of the catalogue; its files go too if that is wished. */
import type { AdminModel } from '@contract/admin.ts';
import { Checkbox } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { deleteModelFiles, unregisterModel } from '../../api/model-actions.ts';
import { modelQuery, modelsQuery } from '../../api/models.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

export default function RemoveModelDialog({ model, onClose }: { model: AdminModel; onClose: () => void }) {
  const t = useT(messages);
  const format = useFormat();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [withFiles, setWithFiles] = useState(false);
  const { id, repo, files, placement } = model;
  const isHere = files.state === 'present';
  const bytes = format.bytes(files.total_bytes);
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t('removeTitle', { id })}
      destroys={[
        t('removeEntry', { id }),
        t('removeMeasured'),
        ...(placement === null ? [] : [t('removePlacement')]),
        ...(withFiles ? [t('deleteBytes', { bytes, repo })] : []),
      ]}
      confirmLabel={t('remove')}
      typedName={placement === null ? undefined : id}
      onConfirm={async () => {
        if (withFiles) await deleteModelFiles(id);
        await unregisterModel(id);
        await navigate({ to: '/models' });
        client.removeQueries({ queryKey: modelQuery(id).queryKey });
        client.setQueryData(modelsQuery.queryKey, (models) => models?.filter((each) => each.id !== id));
      }}
    >
      {isHere ? (
        <Checkbox
          label={t('removeFilesToo', { bytes })}
          description={withFiles ? t('deleteShared') : t('removeKeepsFiles')}
          checked={withFiles}
          onChange={(event) => setWithFiles(event.currentTarget.checked)}
        />
      ) : (
        <p>{t('removeAgain')}</p>
      )}
    </ConfirmDialog>
  );
}
