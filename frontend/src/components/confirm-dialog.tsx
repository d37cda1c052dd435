import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useT } from '../lib/i18n/use-t.ts';
import { ErrorCard } from './error-card.tsx';
import { messages } from './messages.ts';

export interface ConfirmDialogProps {
  opened: boolean;
  onClose: () => void;
  /** A question: `Delete the files of whisper-small?` */
  title: string;
  /** What is gone afterwards, a line each: bytes, replicas, jobs. */
  destroys: readonly ReactNode[];
  /** The verb on the button: `Delete 967 MB`. */
  confirmLabel: string;
  /** For something that is in use: the name the reader must type. */
  typedName?: string | undefined;
  /** Red, as what destroys is. */
  color?: 'red' | 'brand';
  /** A rejection stays in the dialog, with its reason. */
  onConfirm: () => Promise<unknown>;
  children?: ReactNode;
}

/** Says what is destroyed before it is; the dialog closes when that is done. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const t = useT(messages);
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={props.title}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      {/* Mounted with the dialog: a name typed once must not confirm the next time. */}
      <ConfirmForm {...props} />
    </Modal>
  );
}

function ConfirmForm({
  onClose,
  destroys,
  confirmLabel,
  typedName,
  color = 'red',
  onConfirm,
  children,
}: ConfirmDialogProps) {
  const t = useT(messages);
  const [typed, setTyped] = useState('');
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const confirmed = typedName === undefined || typed === typedName;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!confirmed || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {children}
        {destroys.length > 0 && (
          <div>
            <p>{t('destroys')}</p>
            <ul style={{ listStyle: 'disc', paddingInlineStart: 20 }}>
              {destroys.map((item, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the lines are fixed while the dialog is open
                <li key={index}>{item}</li>
              ))}
            </ul>
          </div>
        )}
        {typedName !== undefined && (
          <TextInput
            label={t('typeName', { name: typedName })}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
        )}
        {error !== undefined && <ErrorCard error={error} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button type="submit" color={color} disabled={!confirmed} loading={busy}>
            {confirmLabel}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
