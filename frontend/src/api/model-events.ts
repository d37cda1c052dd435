/** What single live events change of a model; an older one changes nothing. */
import type { AdminModel, AdminModelDetail, AdminReplica, ReleaseProof } from '@contract/admin.ts';

/** Proofs that a detail keeps, as the server does. */
const KEPT_PROOFS = 20;

/** Progress has the `rev` of the model that it belongs to, and gives it no other. */
export function withProgress<Model extends AdminModel>(model: Model, rev: number, files: AdminModel['files']): Model {
  return model.rev > rev ? model : { ...model, files };
}

/** The whole model with the same `rev` may be there already: its replica is then the same. */
export function withReplica<Model extends AdminModel>(model: Model, rev: number, replica: AdminReplica): Model {
  if (model.rev > rev) return model;
  const isKnown = model.replicas.some(({ id }) => id === replica.id);
  const replicas = isKnown
    ? model.replicas.map((each) => (each.id === replica.id ? replica : each))
    : [...model.replicas, replica];
  return { ...model, replicas };
}

/** Plans made before do not hold: a download, as most changes, moves none of it. */
export function hasMoved(before: AdminModel, after: AdminModel): boolean {
  const placed = ({ placement, precision, replicas }: AdminModel) =>
    JSON.stringify([
      placement,
      precision,
      replicas.map(({ id, device, state, pinned }) => [id, device, state, pinned]),
    ]);
  return placed(before) !== placed(after);
}

/** Newest first, each once: a stream that is resumed may tell of it again. */
export function withProof(detail: AdminModelDetail, proof: ReleaseProof): AdminModelDetail {
  const others = detail.proofs.filter(({ replica, at }) => replica !== proof.replica || at !== proof.at);
  return { ...detail, proofs: [proof, ...others].sort((a, b) => b.at - a.at).slice(0, KEPT_PROOFS) };
}
