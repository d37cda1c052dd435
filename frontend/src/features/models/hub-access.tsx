/** Whether the hub lets this server have a model's files, where that is not everybody's, and what opens them. */
import type { AdminModel } from '@contract/admin.ts';
import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { StateBadge } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import classes from './models.module.css';

type Repository = AdminModel['repositories'][number];

/** Nothing for what everybody may have, or where the hub has not said otherwise. */
export function HubAccess({ repositories }: Pick<AdminModel, 'repositories'>) {
  const restricted = repositories.filter(({ gated, accessible }) => isGated(gated) || accessible === false);
  return restricted.map((repository) => <RestrictedAccess key={repository.repo} repository={repository} />);
}

function RestrictedAccess({ repository: { repo, url, gated, accessible } }: { repository: Repository }) {
  const t = useT(messages);
  const word = isGated(gated) ? t('gated') : t('accessRefused');
  return (
    <>
      <StateBadge tone={accessible === false ? 'error' : 'gated'} word={word} />
      <p className={classes.quiet}>
        {accessible === true && t('accessOpen', { repo })}
        {accessible === null && t('accessUntried', { repo })}
        {accessible === false && t(gated === 'manual' ? 'accessRequest' : 'accessDenied', { repo })}
      </p>
      {accessible !== true && (
        <p>
          <Anchor href={url} target="_blank" rel="noreferrer">
            {t('licencePage', { repo })}
          </Anchor>
          {' · '}
          <Anchor component={Link} to="/settings">
            {t('tokenSetting')}
          </Anchor>
        </p>
      )}
    </>
  );
}

function isGated(gated: Repository['gated']): boolean {
  return gated === 'auto' || gated === 'manual';
}
