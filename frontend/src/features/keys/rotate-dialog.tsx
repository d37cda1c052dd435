import type { ApiKey, ApiKeyWithSecret } from '@contract/keys.ts';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/api.ts';
import { refreshKeys, rotateKey } from '../../api/keys.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { DEFAULT_OVERLAP, OverlapSelect } from '../../components/overlap-select.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { keyState } from './key-state.ts';
import { messages } from './messages.ts';

export interface RotateDialogProps {
  apiKey: ApiKey;
  onRotated: (key: ApiKeyWithSecret) => void;
  onClose: () => void;
}

/** A new secret, with the time in which both work. */
export function RotateDialog({ apiKey, onRotated, onClose }: RotateDialogProps) {
  const t = useT(messages);
  const { dateTime } = useFormat();
  const client = useQueryClient();
  const [overlap, setOverlap] = useState(DEFAULT_OVERLAP);
  const now = Date.now() / 1000;
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t('rotateTitle', { name: apiKey.name })}
      destroys={[
        overlap === 0 ? t('rotateLosesNow') : t('rotateLosesLater', { time: dateTime(now + overlap) }),
        ...(keyState(apiKey, now) === 'overlapping' ? [t('rotateOld')] : []),
      ]}
      confirmLabel={t('rotateDo')}
      onConfirm={async () => {
        const key = await api(rotateKey, { params: { id: apiKey.id }, body: { overlap_seconds: overlap } });
        void refreshKeys(client);
        onRotated(key);
      }}
    >
      <OverlapSelect label={t('overlap')} value={overlap} onChange={setOverlap} />
    </ConfirmDialog>
  );
}
