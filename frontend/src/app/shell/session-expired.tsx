import { Modal } from '@mantine/core';
import type { ApiError } from '../../api/api-error.ts';
import { messages as signInMessages } from '../../features/sign-in/messages.ts';
import { SignInForm } from '../../features/sign-in/sign-in-form.tsx';
import { useT } from '../../lib/i18n/use-t.ts';

/** Over the page, which keeps what was typed into it. */
export default function SessionExpired({ error }: { error: ApiError }) {
  const t = useT(signInMessages);
  return (
    <Modal
      opened
      onClose={() => {}}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title={t('again')}
    >
      <SignInForm ending={error} />
    </Modal>
  );
}
