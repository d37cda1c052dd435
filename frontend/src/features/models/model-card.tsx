import type { AdminModel, AdminModelStatus } from '@contract/admin.ts';
import { Card } from '@mantine/core';
import { StateBadge, type Tone } from '../../components/state-badge.tsx';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from './messages.ts';
import { ModelFiles } from './model-files.tsx';
import classes from './models.module.css';
import { ReplicaRow } from './replica-row.tsx';

const TONES: Record<AdminModelStatus, Tone> = {
  absent: 'idle',
  downloading: 'active',
  downloaded: 'idle',
  loading: 'active',
  ready: 'ok',
  failed: 'error',
};

export function ModelCard({ model }: { model: AdminModel }) {
  const t = useT(messages);
  return (
    <Card withBorder component="article" aria-label={model.id} className={classes.model}>
      <div className={classes.part}>
        <h2 className={classes.id}>{model.id}</h2>
        <StateBadge tone={TONES[model.status]} word={t(model.status)} />
        <p className={classes.quiet}>{model.task}</p>
      </div>
      <div className={classes.part}>
        <h3 className={classes.quiet}>{t('files')}</h3>
        <ModelFiles files={model.files} />
      </div>
      <div className={classes.part}>
        <h3 className={classes.quiet}>{t('replicas')}</h3>
        {model.queued > 0 && <p className={classes.quiet}>{t('queued', { count: model.queued })}</p>}
        {model.replicas.length === 0 && <p className={classes.quiet}>{t('noReplicas')}</p>}
        <ul>
          {model.replicas.map((replica) => (
            <li key={replica.id}>
              <ReplicaRow replica={replica} />
            </li>
          ))}
        </ul>
      </div>
    </Card>
  );
}
