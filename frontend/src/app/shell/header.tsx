import { Burger } from '@mantine/core';
import { useSession } from '../../api/session.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import logo from '../favicon.svg';
import { messages } from '../messages.ts';
import { ConnectionChip } from './connection-chip.tsx';
import classes from './header.module.css';
import { KeyMenu } from './key-menu.tsx';
import { LanguageMenu } from './language-menu.tsx';
import { SchemeMenu } from './scheme-menu.tsx';

export interface HeaderProps {
  /** undefined: there is nowhere to go yet. */
  onOpenNavigation: (() => void) | undefined;
}

export function Header({ onOpenNavigation }: HeaderProps) {
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
        <LanguageMenu />
        <SchemeMenu />
        {isSignedIn && <KeyMenu role={session.role} />}
      </div>
    </header>
  );
}
