/** What becomes of models, their downloads and their replicas, and what the GPUs show, told to operators' pages. */
import type { AdminModel, ReleaseProof } from '../../contract/admin.ts';
import type { GpuList } from '../../contract/gpus.ts';
import { ReplicaChanges } from '../../observability/replica-changes.ts';
import type { AdminFeed } from './admin-feed.ts';

export interface FollowedModels {
  onChange(listener: (model: AdminModel) => void): void;
  onReleased(listener: (model: { id: string; rev: number; proof: ReleaseProof }) => void): void;
  onProgress(listener: (model: Pick<AdminModel, 'id' | 'rev' | 'files'>) => void): void;
}

export interface FollowedGpus {
  subscribe(listener: (gpus: GpuList) => void): void;
}

export function followModels(feed: AdminFeed, models: FollowedModels, gpus: FollowedGpus): void {
  models.onChange((model) => {
    feed.publish(`model ${model.id}`, { type: 'model.state', rev: model.rev, model });
  });
  const changes = new ReplicaChanges();
  models.onChange((model) => {
    for (const { type, replica } of changes.note(model)) {
      const event = { type: `replica.${type}` as const, rev: model.rev, model: model.id, replica };
      // What happened is told, each time; what it holds, as it is then.
      feed.publish(`replica ${replica.id} ${type}`, event);
    }
  });
  models.onReleased(({ id, rev, proof }) => {
    feed.publish(`proof ${proof.replica} ${proof.at}`, { type: 'replica.released', rev, model: id, proof });
  });
  models.onProgress(({ id, rev, files }) => {
    feed.publish(`download ${id}`, { type: 'download.progress', rev, model: id, files });
  });
  gpus.subscribe((list) => feed.publish('gpus', { type: 'gpu.sample', rev: list.rev, gpus: list }));
}
