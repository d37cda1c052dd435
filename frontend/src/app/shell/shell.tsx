/** What is around every screen: skip link, header, sidebar, main; and who may see what. */
import { Outlet, useLocation } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useSession } from '../../api/session.ts';
import { LoadingSkeleton } from '../../components/loading-skeleton.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { useNotificationsWanted } from '../../lib/notify.ts';
import { messages } from '../messages.ts';
import { isForAdmins } from '../screens.ts';
import { AdminsOnlyPage } from './admins-only-page.tsx';
import { Header } from './header.tsx';
import { NavigationDrawer } from './navigation-drawer.tsx';
import { ScreenList } from './screen-list.tsx';
import classes from './shell.module.css';
import { SignInPage } from './sign-in-page.ts';
import { StorageNotice } from './storage-notice.tsx';
import { useShellKeys } from './use-shell-keys.ts';

const SessionExpired = lazy(() => import('./session-expired.tsx'));
const Palette = lazy(() => import('./palette.tsx'));
const NotificationsHost = lazy(() => import('./notifications-host.tsx'));
const HelpDialog = lazy(() => import('./help-dialog.tsx'));

export function Shell() {
  const t = useT(messages);
  const session = useSession();
  const [drawerOpened, setDrawerOpened] = useState(false);
  const [dialog, setDialog] = useState<'palette' | 'help'>();
  const isSignedIn = session.state !== 'signed-out';
  const role = isSignedIn ? session.role : undefined;
  const onPalette = () => setDialog('palette');
  const onHelp = () => setDialog('help');
  const onClose = () => setDialog(undefined);
  const areNotificationsWanted = useNotificationsWanted();
  useShellKeys({ role, onPalette, onHelp });
  return (
    <>
      <a className={classes.skip} href="#main">
        {t('skip')}
      </a>
      <Header
        onOpenNavigation={isSignedIn ? () => setDrawerOpened(true) : undefined}
        onPalette={onPalette}
        onHelp={onHelp}
      />
      <div className={classes.body}>
        {isSignedIn && (
          <nav className={classes.sidebar} aria-label={t('navigation')}>
            <ScreenList role={session.role} />
          </nav>
        )}
        <main id="main" tabIndex={-1} className={classes.main}>
          {session.state === 'signed-in' && session.storageRefused && <StorageNotice />}
          <Suspense fallback={<LoadingSkeleton />}>
            {isSignedIn ? <Screen key={session.generation} role={session.role} /> : <SignInPage />}
          </Suspense>
        </main>
      </div>
      {isSignedIn && (
        <NavigationDrawer opened={drawerOpened} role={session.role} onClose={() => setDrawerOpened(false)} />
      )}
      <Suspense>
        {areNotificationsWanted && <NotificationsHost />}
        {role !== undefined && dialog === 'palette' && <Palette role={role} onClose={onClose} />}
        {role !== undefined && dialog === 'help' && <HelpDialog role={role} onClose={onClose} />}
        {session.state === 'expired' && <SessionExpired error={session.error} />}
      </Suspense>
    </>
  );
}

function Screen({ role }: { role: 'admin' | 'user' }) {
  const pathname = useLocation({ select: (location) => location.pathname });
  return role === 'user' && isForAdmins(pathname) ? <AdminsOnlyPage /> : <Outlet />;
}
