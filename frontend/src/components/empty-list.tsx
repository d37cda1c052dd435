/** A list without rows: because there are none, or because its filters leave none. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { EmptyState } from './empty-state.tsx';

export interface EmptyListProps {
  /** Said where nothing is filtered. */
  none: ReactNode;
  filters: { areSet: boolean; clear: () => void; clearWord: string; none: ReactNode };
}

export function EmptyList({ none, filters }: EmptyListProps) {
  if (!filters.areSet) return <EmptyState>{none}</EmptyState>;
  const clear = (
    <Button variant="default" onClick={filters.clear}>
      {filters.clearWord}
    </Button>
  );
  return <EmptyState action={clear}>{filters.none}</EmptyState>;
}
