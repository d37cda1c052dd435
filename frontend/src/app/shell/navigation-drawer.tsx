import { CloseButton } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';
import classes from './navigation-drawer.module.css';
import { ScreenList, type ScreenListProps } from './screen-list.tsx';

export interface NavigationDrawerProps extends Pick<ScreenListProps, 'role'> {
  opened: boolean;
  onClose: () => void;
}

/** The sidebar of a narrow window: the browser's own dialog, which holds the focus and gives it back. */
export function NavigationDrawer({ opened, role, onClose }: NavigationDrawerProps) {
  const t = useT(messages);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (opened) dialog.current?.showModal();
    else dialog.current?.close();
  }, [opened]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a dialog by itself
    <dialog
      ref={dialog}
      className={classes.drawer}
      aria-label={t('navigation')}
      onClose={onClose}
      onClick={(event) => {
        // What lies beside the drawer counts as the dialog itself.
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div className={classes.content}>
        <CloseButton aria-label={t('closeNavigation')} onClick={onClose} />
        {opened && (
          <nav aria-label={t('navigation')}>
            <ScreenList role={role} onNavigate={onClose} />
          </nav>
        )}
      </div>
    </dialog>
  );
}
