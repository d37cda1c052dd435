/** A dialog about one model: all of a phone's screen. */
import { Modal, type ModalProps } from '@mantine/core';
import { useT } from '../../lib/i18n/use-t.ts';
import { useIsNarrow } from '../../lib/use-is-narrow.ts';
import { messages } from './messages.ts';

export function ModelDialog(props: Pick<ModalProps, 'title' | 'size' | 'onClose' | 'children'>) {
  const t = useT(messages);
  return <Modal opened fullScreen={useIsNarrow()} closeButtonProps={{ 'aria-label': t('close') }} {...props} />;
}
