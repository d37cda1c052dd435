import { Drawer } from '@mantine/core';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';
import { ScreenList, type ScreenListProps } from './screen-list.tsx';

export interface NavigationDrawerProps extends Pick<ScreenListProps, 'role'> {
  opened: boolean;
  onClose: () => void;
}

/** The sidebar of a narrow window. */
export function NavigationDrawer({ opened, role, onClose }: NavigationDrawerProps) {
  const t = useT(messages);
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      title={t('navigation')}
      size="280px"
      closeButtonProps={{ 'aria-label': t('closeNavigation') }}
    >
      <nav aria-label={t('navigation')}>
        <ScreenList role={role} onNavigate={onClose} />
      </nav>
    </Drawer>
  );
}
