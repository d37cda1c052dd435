/** What became of replicas, from how their models looked before: that a worker died shows nowhere else. */
import type { AdminModel, AdminReplica } from '../contract/admin.ts';

export interface ReplicaChange {
  /** `crashed`: its process ended by itself; `changed`: anything else that an operator may see. */
  type: 'appeared' | 'starting' | 'loaded' | 'load_failed' | 'crashed' | 'unloaded' | 'changed';
  model: string;
  replica: AdminReplica;
}

export class ReplicaChanges {
  /** Model → replica → how it was. */
  readonly #seen = new Map<string, Map<string, AdminReplica>>();

  /** @returns what is new since the last call for this model, in the order of its replicas. */
  note({ id: model, replicas }: Pick<AdminModel, 'id' | 'replicas'>): ReplicaChange[] {
    const before = this.#seen.get(model);
    this.#seen.set(model, new Map(replicas.map((replica) => [replica.id, replica])));
    return replicas.flatMap((replica) => {
      const types = compare(replica, before?.get(replica.id));
      return types.map((type): ReplicaChange => ({ type, model, replica }));
    });
  }
}

function compare(now: AdminReplica, before: AdminReplica | undefined): ReplicaChange['type'][] {
  const types: ReplicaChange['type'][] = before === undefined ? ['appeared'] : [];
  const was = before?.state ?? 'stopped';
  const hasCrashed = was === 'ready' && now.crashes_in_a_row > (before?.crashes_in_a_row ?? 0);
  if (now.state !== was) {
    if (now.state === 'starting') types.push('starting');
    if (now.state === 'ready') types.push('loaded');
    if (now.state === 'failed' && !hasCrashed) types.push('load_failed');
    if (hasCrashed) types.push('crashed');
    else if (now.state === 'stopped' && (was === 'ready' || was === 'stopping')) types.push('unloaded');
  }
  if (types.length === 0 && before !== undefined && !isSame(now, before)) types.push('changed');
  return types;
}

function isSame(a: AdminReplica, b: AdminReplica): boolean {
  return (Object.keys(a) as (keyof AdminReplica)[]).every((key) => a[key] === b[key]);
}
