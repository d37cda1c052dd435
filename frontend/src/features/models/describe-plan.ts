/** A placement plan as sentences, and what could be chosen instead of one that is refused. */
import type { AdminModel } from '@contract/admin.ts';
import type { PlacementPlan } from '@contract/placement.ts';
import type { DeviceMemory } from '../../lib/device-memory.ts';

export type PlanLine =
  /** Its replicas are there already. */
  | { kind: 'there'; device: string }
  | { kind: 'fits'; device: string; beforeBytes: number; afterBytes: number }
  | { kind: 'evicts'; device: string; model: string; idleSeconds: number; requests: number }
  | { kind: 'short'; device: string; bytes: number; holders: string[] }
  /** In the server's words. */
  | { kind: 'refused'; device: string; message: string };

export type Alternative = { kind: 'device'; device: string } | { kind: 'precision'; precision: string };

const SHOWN_DEVICES = 2;

/** @param now Unix seconds, for how long replicas have been idle. */
export function describePlan(
  plan: PlacementPlan,
  memories: readonly DeviceMemory[],
  models: readonly AdminModel[],
  now: number,
): PlanLine[] {
  const replicas = new Map(
    models.flatMap(({ id: model, replicas }) => replicas.map((replica) => [replica.id, { model, replica }] as const)),
  );
  const placed = plan.placements.flatMap(({ device, replicas: count, evictions, free_bytes_after }): PlanLine[] => {
    if (count === 0) return [{ kind: 'there', device }];
    const beforeBytes = memories.find(({ id }) => id === device)?.freeBytes ?? 0;
    const evicted = evictions.map((id): PlanLine => {
      const known = replicas.get(id);
      return {
        kind: 'evicts',
        device,
        model: known?.model ?? id,
        idleSeconds: known === undefined ? 0 : Math.max(0, now - known.replica.last_used_at),
        requests: known?.replica.in_flight ?? 0,
      };
    });
    return [{ kind: 'fits', device, beforeBytes, afterBytes: free_bytes_after }, ...evicted];
  });
  const refused = plan.refusals.map(({ code, message, device, needed_bytes, free_bytes, holders }): PlanLine => {
    if (code !== 'no_room') return { kind: 'refused', device, message };
    const names = [...new Set(holders.map(({ model }) => model))];
    return { kind: 'short', device, bytes: Math.max(0, needed_bytes - free_bytes), holders: names };
  });
  return [...placed, ...refused];
}

/** GPUs that have room now, the emptiest first, then other precisions of the model. */
export function alternativesTo(
  plan: PlacementPlan,
  memories: readonly DeviceMemory[],
  model: Pick<AdminModel, 'precisions'>,
  order: { devices: readonly string[]; precision: string | null },
): Alternative[] {
  const needed = Math.max(0, ...plan.refusals.map(({ needed_bytes }) => needed_bytes));
  if (plan.possible || needed === 0) return [];
  const devices = memories
    .filter(({ id, unavailable, freeBytes, index }) => {
      return index !== null && unavailable === null && !order.devices.includes(id) && freeBytes >= needed;
    })
    .sort((a, b) => b.freeBytes - a.freeBytes)
    .slice(0, SHOWN_DEVICES)
    .map(({ id }): Alternative => ({ kind: 'device', device: id }));
  const precisions = model.precisions
    .filter((precision) => precision !== order.precision)
    .map((precision): Alternative => ({ kind: 'precision', precision }));
  return [...devices, ...precisions];
}

/** Where a model would best go: the usable GPU with most free memory; without one the CPU. */
export function bestDevice(memories: readonly DeviceMemory[]): string | undefined {
  const usable = memories.filter(({ unavailable }) => unavailable === null);
  const [best] = usable.filter(({ index }) => index !== null).sort((a, b) => b.freeBytes - a.freeBytes);
  return (best ?? usable[0])?.id;
}
