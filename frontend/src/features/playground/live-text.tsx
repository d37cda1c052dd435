/** The text of a recording as it comes, and what became of it. */
import { Button } from '@mantine/core';
import { CopyButton } from '../../components/copy-button.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorCard } from '../../components/error-card.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { saveBlob } from '../../lib/save-blob.ts';
import { messages } from './messages.ts';
import classes from './playground.module.css';
import { isAbort } from './use-submit.ts';

export interface LiveTextProps {
  text: string;
  status: 'idle' | 'pending' | 'success' | 'error';
  error: unknown;
  /** Of the file that is heard, without its suffix. */
  name: string;
  onStop: () => void;
}

export function LiveText({ text, status, error, name, onStop }: LiveTextProps) {
  const t = useT(messages);
  const isStopped = status === 'error' && isAbort(error);
  const said = text.trim();
  return (
    <section className={classes.card} aria-labelledby="live-heading">
      <div className={classes.line}>
        <h2 id="live-heading">{t('liveText')}</h2>
        {status === 'pending' && <StateBadge tone="active" word={t('job_running')} />}
        {status === 'success' && <StateBadge tone="ok" word={t('job_succeeded')} />}
        {isStopped && <StateBadge tone="warning" word={t('job_cancelled')} />}
        <span data-end>
          {status === 'pending' ? (
            <Button variant="default" size="compact-sm" onClick={onStop}>
              {t('cancelJob')}
            </Button>
          ) : (
            said !== '' && (
              <>
                <CopyButton value={said} label={t('copyText')} />{' '}
                <Button
                  variant="default"
                  size="compact-sm"
                  aria-label={t('downloadAs', { format: 'TXT' })}
                  onClick={() => saveBlob(new Blob([`${said}\n`], { type: 'text/plain' }), `${name}.txt`)}
                >
                  TXT
                </Button>
              </>
            )
          )}
        </span>
      </div>
      <p className={classes.plain} role="log" aria-labelledby="live-heading">
        {said}
      </p>
      {status === 'success' && said === '' && <EmptyState>{t('noSpeech')}</EmptyState>}
      {status === 'error' && !isStopped && <ErrorCard error={error} title={t('jobFailed')} />}
      <p className={classes.dimmed}>{t('liveNote')}</p>
    </section>
  );
}
