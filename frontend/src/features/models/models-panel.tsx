import { useEffect, useRef } from 'react';
import type { ApiError } from '../../api/api-error.ts';
import { Notice } from '../../components/notice.tsx';
import { Announcer } from './announcer.tsx';
import { ConnectionBadge } from './connection-badge.tsx';
import { ModelCard } from './model-card.tsx';
import { useLiveModels } from './use-live-models.ts';

export interface ModelsPanelProps {
  adminKey: string;
  /** The key does not open the admin API (any more). */
  onRefused: (error: ApiError) => void;
}

export function ModelsPanel({ adminKey, onRefused }: ModelsPanelProps) {
  const { models, connection, error, updatedAt } = useLiveModels(adminKey, onRefused);
  const heading = useRef<HTMLHeadingElement>(null);
  // The sign-in form that had the focus is gone.
  useEffect(() => heading.current?.focus(), []);

  return (
    <section className="panel" aria-labelledby="models-heading" aria-busy={models === undefined && error === null}>
      <div className="panel-heading">
        <h2 id="models-heading" ref={heading} tabIndex={-1}>
          Models
        </h2>
        {models !== undefined && <span className="count">{models.length}</span>}
        <ConnectionBadge connection={connection} />
      </div>
      {connection === 'polling' && (
        <p className="quiet-text">The stream of changes is down; the list is read again every few seconds.</p>
      )}
      {connection === 'offline' && (
        <Notice tone="error" title="The models cannot be read.">
          <p>
            {error?.message} {models !== undefined && `This is how they were at ${TIME.format(updatedAt)}.`}
          </p>
        </Notice>
      )}
      {models === undefined ? (
        error === null && <p className="waiting">Reading the models…</p>
      ) : (
        <>
          <Announcer models={models} />
          {models.length === 0 && <p className="quiet-text">This gateway has no models in its catalogue.</p>}
          <ul className="models">
            {models.map((model) => (
              <li key={model.id}>
                <ModelCard model={model} />
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

const TIME = new Intl.DateTimeFormat('en', { timeStyle: 'medium', hourCycle: 'h23' });
