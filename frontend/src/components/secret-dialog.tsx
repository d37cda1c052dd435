import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { type ReactNode, useRef } from 'react';
import { useT } from '../lib/i18n/use-t.ts';
import { CopyButton } from './copy-button.tsx';
import { messages } from './messages.ts';

export interface SecretDialogProps {
  /** What the secret opens: `Key of the front desk`. */
  title: string;
  secret: string;
  /** How it is used, under the secret. */
  children?: ReactNode;
  onClose: () => void;
}

/** The only time a secret is shown: neither Escape nor a click beside it closes the dialog. */
export function SecretDialog({ title, secret, children, onClose }: SecretDialogProps) {
  const t = useT(messages);
  const field = useRef<HTMLInputElement>(null);
  return (
    <Modal
      opened
      onClose={() => {}}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      size="lg"
      title={title}
    >
      <Stack gap="md">
        <p>{t('secretOnce')}</p>
        <TextInput
          ref={field}
          label={t('secret')}
          value={secret}
          readOnly
          data-autofocus
          spellCheck={false}
          autoComplete="off"
          onFocus={(event) => event.currentTarget.select()}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        />
        {children}
        <Group justify="space-between" gap="sm">
          <CopyButton value={secret} target={field} label={t('copy')} />
          <Button onClick={onClose}>{t('secretSaved')}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
