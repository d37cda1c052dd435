import { ActionIcon, Burger } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useSession } from '../../api/session.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import logo from '../favicon.svg';
import { messages } from '../messages.ts';
import { ConnectionChip } from './connection-chip.tsx';
import classes from './header.module.css';
import { KeyMenu } from './key-menu.tsx';
import { LanguageMenu } from './language-menu.tsx';
import { OperationsButton } from './operations-button.tsx';
import { SchemeMenu } from './scheme-menu.tsx';

export interface HeaderProps {
  /** undefined: there is nowhere to go yet. */
  onOpenNavigation: (() => void) | undefined;
  onPalette: () => void;
  onHelp: () => void;
}

export function Header({ onOpenNavigation, onPalette, onHelp }: HeaderProps) {
  const t = useT(messages);
  const session = useSession();
  const isSignedIn = session.state !== 'signed-out';
  return (
    <header className={classes.header}>
      {onOpenNavigation !== undefined && (
        <Burger className={classes.burger} size="sm" onClick={onOpenNavigation} aria-label={t('openNavigation')} />
      )}
      <img src={logo} alt="" width="28" height="28" />
      <span className={classes.name}>Audio Gateway</span>
      <div className={classes.tools}>
        {isSignedIn && session.role === 'admin' && <ConnectionChip />}
        {isSignedIn && (
          <ActionIcon aria-label={t('search')} title={`${t('search')} (Ctrl+K)`} onClick={onPalette}>
            <IconSearch size={20} aria-hidden />
          </ActionIcon>
        )}
        {isSignedIn && session.role === 'admin' && <OperationsButton />}
        <LanguageMenu />
        <SchemeMenu />
        {isSignedIn && <KeyMenu role={session.role} onHelp={onHelp} />}
      </div>
    </header>
  );
}
