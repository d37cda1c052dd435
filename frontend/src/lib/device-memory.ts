/** Who holds the memory of each device: replicas by model, other programs, and what is free. */
import type { AdminModel, AdminReplica } from '@contract/admin.ts';
import type { Gpu } from '@contract/gpus.ts';
import type { AdminStatus } from '@contract/placement.ts';

export interface Holding {
  replica: AdminReplica;
  model: string;
  bytes: number;
}

export interface DeviceMemory {
  /** `cpu` or a GPU's UUID. */
  id: string;
  /** null: the CPU. */
  index: number | null;
  totalBytes: number;
  held: Holding[];
  /** Of programs that are not replicas of this gateway. */
  otherBytes: number;
  freeBytes: number;
  /** Why no model can be placed here. */
  unavailable: string | null;
}

/** GPUs by their index, the CPU last. The driver's latest figures win over those of the status. */
export function deviceMemories(
  { devices }: Pick<AdminStatus, 'devices'>,
  gpus: readonly Gpu[],
  models: readonly AdminModel[],
): DeviceMemory[] {
  const holdings = models.flatMap(({ id: model, replicas }) =>
    replicas.filter(hasProcess).map((replica): Holding => ({ replica, model, bytes: heldBytes(replica) })),
  );
  return devices
    .map((device): DeviceMemory => {
      const gpu = gpus.find(({ uuid }) => uuid === device.id);
      const totalBytes = gpu?.memory_total_bytes ?? device.total_bytes;
      const usedBytes = gpu?.memory_used_bytes ?? device.used_bytes;
      const held = holdings.filter(({ replica }) => replica.device === device.id);
      const { id, index, unavailable } = device;
      return { id, index, unavailable, ...share(totalBytes, usedBytes, gpu?.memory_free_bytes ?? null, held) };
    })
    .sort((a, b) => (a.index ?? Number.POSITIVE_INFINITY) - (b.index ?? Number.POSITIVE_INFINITY));
}

/** What a replica is counted with: held now, else what it is expected to. */
export function heldBytes({ resident_bytes, expected_bytes }: AdminReplica): number {
  return resident_bytes ?? expected_bytes;
}

export function hasProcess({ state }: AdminReplica): boolean {
  return state === 'starting' || state === 'ready' || state === 'stopping';
}

function share(totalBytes: number, usedBytes: number, toldFreeBytes: number | null, held: Holding[]) {
  const sum = held.reduce((total, { bytes }) => total + bytes, 0);
  const otherBytes = Math.max(0, usedBytes - sum);
  const freeBytes = Math.max(0, Math.min(toldFreeBytes ?? totalBytes, totalBytes - Math.max(usedBytes, sum)));
  return { totalBytes, held, otherBytes, freeBytes };
}

/** The models of all devices in a fixed order, for their colours: `--agw-series-1` … `8`. */
export function seriesOf(memories: readonly DeviceMemory[]): (model: string) => string {
  const models = [...new Set(memories.flatMap(({ held }) => held.map(({ model }) => model)))].sort();
  return (model) => `var(--agw-series-${(Math.max(0, models.indexOf(model)) % 8) + 1})`;
}
