import type { QueryClient } from '@tanstack/react-query';

/** The longest wait, for an answer that does not come. */
const PATIENCE_MS = 3_000;

/** Resolves when no query is being fetched. */
export function untilFetched(client: QueryClient): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(patience);
      unsubscribe();
      resolve();
    };
    const check = () => {
      if (client.isFetching() === 0) done();
    };
    const patience = setTimeout(done, PATIENCE_MS);
    const unsubscribe = client.getQueryCache().subscribe(check);
    check();
  });
}
