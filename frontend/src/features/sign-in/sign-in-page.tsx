import { useSession } from '../../api/session.ts';
import { HealthPanel } from '../../components/health-panel.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import { SignInForm } from './sign-in-form.tsx';
import classes from './sign-in-page.module.css';

/** Before the first key: what everyone may know, and the way in. */
export function SignInPage() {
  const t = useT(messages);
  const session = useSession();
  const hasSignedOut = session.state === 'signed-out' && session.hasSignedOut;
  return (
    <div className={classes.page}>
      <PageHeader title={t('title')} />
      <SignInForm ending={hasSignedOut ? 'signed-out' : undefined} />
      <HealthPanel />
    </div>
  );
}
