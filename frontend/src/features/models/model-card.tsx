import type { AdminModel, AdminModelStatus } from '@contract/admin.ts';
import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { BundledBadge } from '../../components/bundled-badge.tsx';
import { StateBadge, type Tone } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { Footprint } from './footprint.tsx';
import { HubAccess } from './hub-access.tsx';
import { License } from './license.tsx';
import { messages } from './messages.ts';
import { ModelActions } from './model-actions.tsx';
import { ModelFiles } from './model-files.tsx';
import classes from './models.module.css';
import { ReplicaRow } from './replica-row.tsx';

export const MODEL_TONES: Record<AdminModelStatus, Tone> = {
  absent: 'idle',
  downloading: 'active',
  downloaded: 'idle',
  loading: 'active',
  ready: 'ok',
  failed: 'error',
};

/** A row of the table; on a phone a card. */
export function ModelCard({ model }: { model: AdminModel }) {
  const t = useT(messages);
  const live = model.replicas.filter(({ state, reason }) => state !== 'stopped' || reason !== null);
  return (
    <article aria-label={model.id} className={classes.model}>
      <div className={classes.part}>
        <div className={classes.idLine}>
          <h2 className={classes.id}>
            <Anchor component={Link} to="/models/$id" params={{ id: model.id } as never} inherit>
              {model.id}
            </Anchor>
          </h2>
          <StateBadge tone={MODEL_TONES[model.status]} word={t(model.status)} />
          {model.bundled && <BundledBadge />}
        </div>
        <p className={classes.quiet}>
          {model.task} · {model.family}
        </p>
        {model.reason !== null && <p className={classes.reason}>{model.reason}</p>}
        {model.fallback !== null && <p className={classes.quiet}>{model.fallback}</p>}
      </div>
      <div className={classes.part}>
        <h3 className={classes.label}>{t('files')}</h3>
        <ModelFiles files={model.files} />
        <License model={model} />
        <HubAccess repositories={model.repositories} />
      </div>
      <div className={classes.part}>
        <h3 className={classes.label}>{t('footprint')}</h3>
        <p>
          <Footprint model={model} />
        </p>
        {model.precision !== null && <p className={classes.quiet}>{model.precision}</p>}
      </div>
      <div className={classes.part}>
        <h3 className={classes.label}>{t('replicas')}</h3>
        {model.queued > 0 && <p className={classes.quiet}>{t('queued', { count: model.queued })}</p>}
        {live.length === 0 && <p className={classes.quiet}>{t('noReplicas')}</p>}
        <ul className={classes.replicas}>
          {live.map((replica) => (
            <li key={replica.id}>
              <ReplicaRow replica={replica} />
            </li>
          ))}
        </ul>
      </div>
      <div className={classes.actions}>
        <ModelActions model={model} />
      </div>
    </article>
  );
}
