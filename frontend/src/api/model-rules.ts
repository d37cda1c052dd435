/** What live events change of the models in the cache; apart from the queries, as the page's first script has those. */
import type { AdminModel } from '@contract/admin.ts';
import type { QueryClient } from '@tanstack/react-query';
import type { LiveEventOf, LiveRules } from './live/live-rules.ts';
import { hasMoved, withProgress, withProof, withReplica } from './model-events.ts';
import { modelQuery, modelsQuery } from './models.ts';
import { noteModel } from './note-model.ts';

export const modelRules: LiveRules = {
  snapshot: ({ models }, client) => {
    client.setQueryData(modelsQuery.queryKey, models);
  },
  'model.state': ({ model }, client) => {
    const before = client.getQueryData(modelsQuery.queryKey)?.find(({ id }) => id === model.id);
    noteModel(client, model);
    if (before === undefined || hasMoved(before, model)) forgetPlans(client);
  },
  'download.progress': ({ model: id, rev, files }, client) => {
    patch(client, id, (model) => withProgress(model, rev, files));
  },
  'replica.appeared': noteReplica,
  'replica.starting': noteReplica,
  'replica.loaded': noteReplica,
  'replica.load_failed': noteReplica,
  'replica.crashed': noteReplica,
  'replica.unloaded': noteReplica,
  'replica.changed': noteReplica,
  'replica.released': ({ model: id, proof }, client) => {
    client.setQueryData(modelQuery(id).queryKey, (detail) => detail && withProof(detail, proof));
  },
};

function noteReplica(
  { model: id, rev, replica }: LiveEventOf<'replica.appeared' | 'replica.changed'>,
  client: QueryClient,
): void {
  patch(client, id, (model) => withReplica(model, rev, replica));
  forgetPlans(client);
}

function patch(client: QueryClient, id: string, change: <Model extends AdminModel>(model: Model) => Model): void {
  client.setQueryData(modelsQuery.queryKey, (models) =>
    models?.map((model) => (model.id === id ? change(model) : model)),
  );
  client.setQueryData(modelQuery(id).queryKey, (detail) => detail && change(detail));
}

/** What a load would do depends on every model. */
function forgetPlans(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: ['plan'] });
  void client.invalidateQueries({ queryKey: ['status'] });
}
