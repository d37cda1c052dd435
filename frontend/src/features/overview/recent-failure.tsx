import type { Failure } from '@contract/overview.ts';
import { Link } from '@tanstack/react-router';
import { useErrorTexts } from '../../components/error-codes/use-error-texts.ts';
import { StateBadge } from '../../components/state-badge.tsx';
import { useFormat } from '../../lib/i18n/use-format.ts';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './overview.module.css';

/** A request or a job that failed, and what mends it where that is known. */
export function RecentFailure({ failure }: { failure: Failure }) {
  const t = useT(messages);
  const { relative } = useFormat();
  const known = useErrorTexts(failure.code);
  return (
    <div className={classes.words}>
      <div className={classes.line}>
        <StateBadge tone="error" word={failure.code} />
        {failure.kind === 'job' ? (
          <Link to="/jobs/$id" params={{ id: failure.id }} className={classes.link}>
            {failure.id}
          </Link>
        ) : (
          <Link to="/logs" search={{ request: failure.id }} className={classes.link}>
            {t('inLog')}
          </Link>
        )}
        <span className={classes.quiet}>
          {[failure.route, failure.model, relative(failure.at)].filter((part) => part !== null).join(' · ')}
        </span>
      </div>
      {known !== undefined && (
        <p>
          {known.title}. {known.fix}
        </p>
      )}
    </div>
  );
}
