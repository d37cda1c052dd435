import type { AdminEvent, AdminModel } from '@contract/admin.ts';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useState } from 'react';
import { type ApiError, isRefusal } from '../../api/api-error.ts';
import { followEvents } from '../../api/follow-events.ts';
import { MODELS_KEY, modelsQuery } from '../../api/models-query.ts';
import { upsertByRev } from '../../lib/merge-by-rev.ts';

/** In case an event was lost on the way. */
const RECONCILE_MS = 60_000;
const POLL_MS = 5_000;
const POLL_BUSY_MS = 1_000;

export type Connection = 'connecting' | 'live' | 'polling' | 'offline';

export interface LiveModels {
  models: AdminModel[] | undefined;
  connection: Connection;
  /** Of the last read, when it failed. */
  error: Error | null;
  /** Milliseconds since the epoch. */
  updatedAt: number;
}

/** The models, kept current by the event stream, and by polling while that is down. */
export function useLiveModels(adminKey: string, onRefused: (error: ApiError) => void): LiveModels {
  const client = useQueryClient();
  const [stream, setStream] = useState<'connecting' | 'open' | 'down'>('connecting');
  const { data, error, dataUpdatedAt } = useQuery({
    ...modelsQuery(adminKey),
    refetchInterval: ({ state }) => (stream === 'open' ? RECONCILE_MS : pollInterval(state.data)),
  });
  const refuse = useEffectEvent(onRefused);

  useEffect(() => {
    const end = new AbortController();
    const following = followEvents({
      adminKey,
      signal: end.signal,
      onEvent: (event) => {
        setStream('open');
        client.setQueryData<AdminModel[]>(MODELS_KEY, (models) => applyEvent(models ?? [], event));
      },
      onDown: () => {
        setStream('down');
        // Whatever ended the stream may have changed everything on the page.
        void client.invalidateQueries();
      },
    });
    following.catch((failure: unknown) => {
      if (isRefusal(failure) && !end.signal.aborted) refuse(failure);
    });
    return () => end.abort();
  }, [adminKey, client]);

  useEffect(() => {
    if (isRefusal(error)) refuse(error);
  }, [error]);

  const fallback = stream === 'connecting' ? 'connecting' : 'polling';
  const connection = stream === 'open' ? 'live' : error !== null ? 'offline' : fallback;
  return { models: data, connection, error, updatedAt: dataUpdatedAt };
}

function applyEvent(models: AdminModel[], event: AdminEvent): AdminModel[] {
  if (event.type === 'snapshot') return event.models;
  return event.type === 'model.state' ? upsertByRev(models, event.model) : models;
}

function pollInterval(models: readonly AdminModel[] | undefined): number {
  const isBusy = models?.some(({ status }) => status === 'loading' || status === 'downloading');
  return isBusy ? POLL_BUSY_MS : POLL_MS;
}
