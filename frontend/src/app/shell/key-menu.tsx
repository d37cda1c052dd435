import { ActionIcon, Menu } from '@mantine/core';
import { IconKey, IconLogout } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { healthQuery } from '../../api/health.ts';
import { signOut } from '../../api/session.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';

export function KeyMenu({ role }: { role: 'admin' | 'user' }) {
  const t = useT(messages);
  const { data: health } = useQuery(healthQuery);
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={t('keyMenu')} title={t('keyMenu')}>
          <IconKey size={20} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t(role === 'admin' ? 'adminKey' : 'userKey')}</Menu.Label>
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={signOut}>
          {t('signOut')}
        </Menu.Item>
        {health !== undefined && <Menu.Label>{t('version', { version: health.version })}</Menu.Label>}
      </Menu.Dropdown>
    </Menu>
  );
}
