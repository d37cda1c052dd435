import type { ApiKey, ApiKeyWithSecret } from '@contract/keys.ts';
import { NativeSelect } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/api.ts';
import { refreshKeys, rotateKey } from '../../api/keys.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { keyState } from './key-state.ts';
import { messages } from './messages.ts';

const HOUR = 3_600;
const OVERLAPS = [
  { seconds: 0, text: 'overlapNone' },
  { seconds: HOUR, text: 'overlapHour' },
  { seconds: 24 * HOUR, text: 'overlapDay' },
  { seconds: 7 * 24 * HOUR, text: 'overlapWeek' },
] as const;

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
  const [overlap, setOverlap] = useState<number>(24 * HOUR);
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
      <NativeSelect
        label={t('overlap')}
        value={overlap}
        onChange={(event) => setOverlap(Number(event.currentTarget.value))}
        data={OVERLAPS.map(({ seconds, text }) => ({ value: String(seconds), label: t(text) }))}
      />
    </ConfirmDialog>
  );
}
