/** Cancelling a download asks what shall become of the bytes that are here. */
import type { AdminModel } from '@contract/admin.ts';
import { Radio, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { modelActions } from '../../api/model-actions.ts';
import { noteModel } from '../../api/note-model.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';

export default function CancelDownloadDialog({ model, onClose }: { model: AdminModel; onClose: () => void }) {
  const t = useT(messages);
  const format = useFormat();
  const client = useQueryClient();
  const [discard, setDiscard] = useState(false);
  const bytes = format.bytes(model.files.bytes);
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t('cancelTitle', { id: model.id })}
      destroys={discard ? [t('bytesFetched', { bytes })] : []}
      confirmLabel={discard ? t('cancelDiscard', { bytes }) : t('cancelDownload')}
      onConfirm={async () => noteModel(client, await modelActions.cancel(model.id, discard))}
    >
      <Radio.Group
        label={t('cancelHow', { bytes })}
        value={discard ? 'discard' : 'keep'}
        onChange={(value) => setDiscard(value === 'discard')}
      >
        <Stack gap="xs" mt="xs">
          <Radio value="keep" label={t('keepBytes')} description={t('keepBytesBody')} />
          <Radio value="discard" label={t('discardBytes')} />
        </Stack>
      </Radio.Group>
    </ConfirmDialog>
  );
}
