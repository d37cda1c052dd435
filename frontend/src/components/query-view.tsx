import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ApiError } from '../api/api-error.ts';
import { DataAge } from './data-age.tsx';
import { ErrorCard } from './error-card.tsx';
import { LoadingSkeleton } from './loading-skeleton.tsx';

export interface QueryViewProps<Data> {
  query: Pick<UseQueryResult<Data>, 'data' | 'error' | 'dataUpdatedAt' | 'refetch'>;
  /** What cannot be read: `The models cannot be read.` */
  errorTitle?: string;
  /** In place of rows, while there is nothing yet. */
  loading?: ReactNode;
  children: (data: Data) => ReactNode;
}

/** A query's four states: loading, failed, out of date (what it has stays, with its age), and the data. */
export function QueryView<Data>({ query, errorTitle, loading, children }: QueryViewProps<Data>) {
  const { data, error, dataUpdatedAt, refetch } = query;
  const isOutOfDate = data !== undefined && error instanceof ApiError && error.kind === 'unreachable';
  return (
    <>
      {error !== null && !isOutOfDate && (
        <ErrorCard
          error={error}
          onRetry={() => void refetch()}
          {...(errorTitle !== undefined && { title: errorTitle })}
        />
      )}
      {data !== undefined && <DataAge updatedAt={dataUpdatedAt} />}
      {data === undefined ? error === null && (loading ?? <LoadingSkeleton />) : children(data)}
    </>
  );
}
