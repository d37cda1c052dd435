/** Finds room for replicas and makes it: one placement at a time, so that none counts on what another takes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../errors.ts';
import type { DeviceState, Devices } from './devices.ts';
import {
  type Device,
  type Need,
  type Placement,
  type Plan,
  planPlacement,
  type Refusal,
  type Resident,
} from './placement.ts';

/** What is needed of a replica, whoever's it is. */
export interface PlacedReplica {
  readonly id: string;
  readonly resident: Resident | undefined;
  readonly reservedBytes: number;
  stop(): Promise<void>;
  /** Its memory is back, or has had time enough for that. */
  readonly released: Promise<void>;
}

export interface PlacerOptions {
  devices: Devices;
  /** All of them, of all models. */
  replicas(): readonly PlacedReplica[];
  marginBytes: number;
  onEvict(replica: string, model: string): void;
}

/** A little more than a release is given. */
const MOST_FOR_RELEASE_MS = 6_000;

export class Placer {
  readonly #options: PlacerOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: PlacerOptions) {
    this.#options = options;
  }

  /** What would happen now, were `ending` about to end; nothing does. */
  plan(need: Omit<Need, 'marginBytes'>, ending: readonly PlacedReplica[] = []): Plan {
    const replicas = this.#options.replicas();
    const residents = replicas
      .flatMap(({ resident }) => resident ?? [])
      .map((resident) => {
        return ending.some(({ id }) => id === resident.id) ? { ...resident, state: 'stopping' as const } : resident;
      });
    const { marginBytes } = this.#options;
    return planPlacement({ ...need, marginBytes }, this.#devices(replicas), residents);
  }

  /**
   * Unloads what has to make room, then calls `start`, which must have its replicas count (state `starting`) when it
   * returns.
   * @throws device_unavailable, insufficient_memory
   */
  place(need: Omit<Need, 'marginBytes'>, start: (placements: readonly Placement[]) => void): Promise<void> {
    const before = this.#last;
    const work = (async () => {
      await before.catch(() => {});
      start(await this.#makeRoom(need));
    })();
    this.#last = work;
    return work;
  }

  /** @throws why the plan cannot be */
  refuse({ refusals }: Extract<Plan, { ok: false }>): never {
    throw refusalError(refusals);
  }

  async #makeRoom(need: Omit<Need, 'marginBytes'>): Promise<Placement[]> {
    for (;;) {
      await this.#options.devices.refresh();
      const plan = this.plan(need);
      if (!plan.ok) this.refuse(plan);
      const victims = new Set(plan.placements.flatMap(({ evictions, leaving }) => [...evictions, ...leaving]));
      if (victims.size === 0) return plan.placements;
      const evicted = new Set(plan.placements.flatMap(({ evictions }) => evictions));
      const leaving = this.#options.replicas().filter(({ id }) => victims.has(id));
      for (const { id, resident } of leaving) if (evicted.has(id)) this.#options.onEvict(id, resident?.model ?? '');
      await Promise.all(leaving.map((replica) => replica.stop()));
      // A GPU that has gone meanwhile must not hold up the others' placements.
      await Promise.race([
        Promise.all(leaving.map((replica) => replica.released)),
        sleep(MOST_FOR_RELEASE_MS, undefined, { ref: false }),
      ]);
    }
  }

  #devices(replicas: readonly PlacedReplica[]): Device[] {
    return this.#options.devices.list().map(({ index: _, ...device }: DeviceState) => {
      const own = replicas.filter(({ resident }) => resident?.device === device.id);
      return { ...device, reservedBytes: own.reduce((sum, { reservedBytes }) => sum + reservedBytes, 0) };
    });
  }
}

/** Eight GPUs that are all full need not be told one by one. */
const TOLD = 2;

function inWords(refusals: readonly Refusal[]): string {
  if (refusals.length === 0) return 'There is no device for this model.';
  const told = refusals.slice(0, TOLD).map(({ message }) => message);
  const more = refusals.length - told.length;
  return [...told, ...(more > 0 ? [`${more} more devices cannot take it either.`] : [])].join(' ');
}

function refusalError(refusals: Extract<Plan, { ok: false }>['refusals']): GatewayError {
  const lacksMemory = refusals.some(({ code }) => code === 'no_room');
  return new GatewayError(lacksMemory ? 'insufficient_memory' : 'device_unavailable', {
    message: inWords(refusals),
    ...(lacksMemory ? { retryAfterSeconds: 10 } : {}),
    extra: {
      devices: refusals.map(({ code, device, neededBytes, freeBytes, holders }) => ({
        ...{ code, device, needed_bytes: neededBytes, free_bytes: freeBytes },
        holders: holders.map(({ replica, model, bytes, why }) => ({ replica, model, bytes, why })),
      })),
    },
  });
}
