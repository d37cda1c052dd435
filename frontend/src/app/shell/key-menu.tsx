import { IconKey, IconKeyboard, IconLogout } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { healthQuery } from '../../api/health.ts';
import { type Role, signOut } from '../../api/session.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';
import classes from './header-menu.module.css';
import { HeaderMenu, HeaderMenuItem } from './header-menu.tsx';

export interface KeyMenuProps {
  role: Role;
  onHelp: () => void;
}

export function KeyMenu({ role, onHelp }: KeyMenuProps) {
  const t = useT(messages);
  const { data: health } = useQuery(healthQuery);
  return (
    <HeaderMenu label={t('keyMenu')} Icon={IconKey}>
      {(close) => (
        <>
          <p className={classes.note}>{t(role === 'admin' ? 'adminKey' : 'userKey')}</p>
          <HeaderMenuItem
            Icon={IconKeyboard}
            onClick={() => {
              close();
              onHelp();
            }}
          >
            {t('shortcuts')}
          </HeaderMenuItem>
          <HeaderMenuItem Icon={IconLogout} onClick={signOut}>
            {t('signOut')}
          </HeaderMenuItem>
          {health !== undefined && <p className={classes.note}>{t('version', { version: health.version })}</p>}
        </>
      )}
    </HeaderMenu>
  );
}
