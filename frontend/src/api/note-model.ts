import type { AdminModel } from '@contract/admin.ts';
import type { QueryClient } from '@tanstack/react-query';
import { upsertByRev } from '../lib/merge-by-rev.ts';
import { modelQuery, modelsQuery } from './models.ts';

/** A model that changed, over what the cache has of it. */
export function noteModel(client: QueryClient, model: AdminModel): void {
  client.setQueryData(modelsQuery.queryKey, (models) => models && upsertByRev(models, model));
  client.setQueryData(modelQuery(model.id).queryKey, (detail) =>
    detail === undefined || detail.rev > model.rev ? detail : { ...detail, ...model },
  );
}
