import type { AdminModel, AdminModelStatus } from '@contract/admin.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { ModelFiles } from './model-files.tsx';
import { ReplicaRow } from './replica-row.tsx';

const STATUS: Record<AdminModelStatus, { tone: Tone; word: string }> = {
  absent: { tone: 'idle', word: 'Not downloaded' },
  downloading: { tone: 'active', word: 'Downloading' },
  downloaded: { tone: 'idle', word: 'Downloaded' },
  loading: { tone: 'active', word: 'Loading' },
  ready: { tone: 'ok', word: 'Ready' },
  failed: { tone: 'error', word: 'Failed' },
};

export function ModelCard({ model }: { model: AdminModel }) {
  const { tone, word } = STATUS[model.status];
  return (
    <article className="model" aria-label={model.id}>
      <div className="model-identity">
        <h3>{model.id}</h3>
        <Badge tone={tone} word={word} />
        <p className="quiet-text">{model.task}</p>
      </div>
      <div className="model-part">
        <h4>Files</h4>
        <ModelFiles files={model.files} />
      </div>
      <div className="model-part">
        <h4>Replicas</h4>
        {model.queued > 0 && <p className="quiet-text">{model.queued} queued</p>}
        {model.replicas.length === 0 && <p className="quiet-text">None</p>}
        <ul className="replicas">
          {model.replicas.map((replica) => (
            <li key={replica.id}>
              <ReplicaRow replica={replica} />
            </li>
          ))}
        </ul>
      </div>
    </article>
  );
}
