import type { AdminModel } from '@contract/admin.ts';
import { useQueryClient } from '@tanstack/react-query';
import { deleteModelFiles } from '../../api/model-actions.ts';
import { modelQuery, modelsQuery } from '../../api/models.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

export default function DeleteFilesDialog({ model, onClose }: { model: AdminModel; onClose: () => void }) {
  const t = useT(messages);
  const format = useFormat();
  const client = useQueryClient();
  const bytes = format.bytes(model.files.total_bytes);
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t('deleteTitle', { id: model.id })}
      destroys={[
        t('deleteBytes', { bytes, repo: model.repo }),
        ...(model.placement === null ? [] : [t('deletePlacement')]),
      ]}
      confirmLabel={t('deleteFiles')}
      typedName={model.placement === null ? undefined : model.id}
      onConfirm={async () => {
        await deleteModelFiles(model.id);
        await Promise.all([
          client.invalidateQueries({ queryKey: modelsQuery.queryKey }),
          client.invalidateQueries({ queryKey: modelQuery(model.id).queryKey }),
        ]);
      }}
    >
      <p>{t('deleteShared')}</p>
    </ConfirmDialog>
  );
}
