/** What is around every screen: skip link, header, sidebar, main; and who may see what. */
import { Outlet, useLocation } from '@tanstack/react-router';
import { Suspense, useState } from 'react';
import { useSession } from '../../api/session.ts';
import { LoadingSkeleton } from '../../components/loading-skeleton.tsx';
import { SignInPage } from '../../features/sign-in/sign-in-page.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';
import { isForAdmins } from '../screens.ts';
import { AdminsOnlyPage } from './admins-only-page.tsx';
import { Header } from './header.tsx';
import { NavigationDrawer } from './navigation-drawer.tsx';
import { ScreenList } from './screen-list.tsx';
import { SessionExpired } from './session-expired.tsx';
import classes from './shell.module.css';
import { StorageNotice } from './storage-notice.tsx';

export function Shell() {
  const t = useT(messages);
  const session = useSession();
  const [drawerOpened, setDrawerOpened] = useState(false);
  const isSignedIn = session.state !== 'signed-out';
  return (
    <>
      <a className={classes.skip} href="#main">
        {t('skip')}
      </a>
      <Header onOpenNavigation={isSignedIn ? () => setDrawerOpened(true) : undefined} />
      <div className={classes.body}>
        {isSignedIn && (
          <nav className={classes.sidebar} aria-label={t('navigation')}>
            <ScreenList role={session.role} />
          </nav>
        )}
        <main id="main" tabIndex={-1} className={classes.main}>
          {session.state === 'signed-in' && session.storageRefused && <StorageNotice />}
          <Suspense fallback={<LoadingSkeleton />}>
            {isSignedIn ? <Screen role={session.role} /> : <SignInPage />}
          </Suspense>
        </main>
      </div>
      {isSignedIn && (
        <NavigationDrawer opened={drawerOpened} role={session.role} onClose={() => setDrawerOpened(false)} />
      )}
      {session.state === 'expired' && <SessionExpired error={session.error} />}
    </>
  );
}

function Screen({ role }: { role: 'admin' | 'user' }) {
  const pathname = useLocation({ select: (location) => location.pathname });
  return role === 'user' && isForAdmins(pathname) ? <AdminsOnlyPage /> : <Outlet />;
}
