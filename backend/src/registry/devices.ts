/** What models can run on, the CPU among it, and how much memory of each is in use: the driver's figures, never a sum of hopes. */
import { totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Gpu, GpuList } from '../contract/gpus.ts';
import { GatewayError } from '../errors.ts';
import type { Device } from './placement.ts';

/** What is needed of the GPU monitor. */
export interface GpuSource {
  current(): GpuList;
  /** A look that begins after this call. @throws gpu_unavailable */
  sampleNow(signal: AbortSignal): Promise<GpuList>;
  watchClosely(): () => void;
  subscribe(listener: (list: GpuList) => void): () => void;
}

export interface DevicesOptions {
  gpus: GpuSource;
  /** Why no session can be opened on any GPU here (no CUDA provider); undefined where nothing speaks against it. */
  cudaMissing: string | undefined;
  /** Total and used bytes of memory that processes may have. */
  hostMemory?: () => { totalBytes: number; usedBytes: number };
}

export interface DeviceState extends Omit<Device, 'reservedBytes'> {
  index: number | null;
  /** It has gone, and what ran on it with it. */
  isLost: boolean;
  /** `unavailable` may pass by itself: the device is lost, or the driver does not answer. */
  mayReturn: boolean;
}

export const CPU = 'cpu';
/** How long memory may take to come back after a process has ended. */
const RELEASE_MS = 5_000;
const RELEASE_POLL_MS = 250;
/** How long a driver that does not answer, or a GPU that is gone, is waited for when memory is to be measured. */
const SILENCE_MS = 5_000;
const RELEASE_SILENCE_MS = 60_000;
const SILENCE_POLL_MS = 500;
/** The driver counts MiB; a difference of one is rounding. */
const ROUNDING_BYTES = 2 ** 20;

export class Devices {
  readonly #options: DevicesOptions;
  /** The end of the last measured action of each device. */
  readonly #last = new Map<string, Promise<unknown>>();
  /** What replicas hold, by device and replica: the part of a device's use that is accounted for. */
  readonly #held = new Map<string, Map<string, number>>();
  /** The replica that loads on a device, and what no replica accounted for before. */
  readonly #loading = new Map<string, { replica: string; before: number }>();
  /** Use of a device that no replica accounts for, in the last two readings while nothing was being measured on it. */
  readonly #unaccounted = new Map<string, readonly [number, number]>();

  constructor(options: DevicesOptions) {
    this.#options = options;
    options.gpus.subscribe(() => this.#noteUnaccounted());
  }

  /** A replica holds so much of a device from now on; 0 once its process is gone. */
  hold(device: string, replica: string, bytes: number): void {
    const held = this.#held.get(device) ?? new Map<string, number>();
    this.#held.set(device, held);
    if (bytes > 0) held.set(replica, bytes);
    else held.delete(replica);
  }

  /** GPUs in the driver's order, then the CPU. */
  list(): DeviceState[] {
    const { data } = this.#options.gpus.current();
    const { totalBytes, usedBytes } = (this.#options.hostMemory ?? hostMemory)();
    const cpu: DeviceState = {
      id: CPU,
      kind: 'cpu',
      label: 'the CPU',
      index: null,
      totalBytes,
      usedBytes,
      unavailable: null,
      isLost: false,
      mayReturn: false,
    };
    return [...data.map((gpu) => this.#gpu(gpu)), cpu];
  }

  /** Figures of now, as far as the driver answers; `list` then has them. */
  async refresh(): Promise<void> {
    await this.#options.gpus.sampleNow(NEVER).catch(() => {});
  }

  /** By `cpu`, index or UUID. @throws gpu_not_found */
  require(name: string | number, param: string): DeviceState {
    const wanted = String(name).toLowerCase();
    const found = this.list().filter(({ id, index }) => id.toLowerCase() === wanted || String(index) === wanted);
    const device = found.find(({ unavailable }) => unavailable === null) ?? found[0];
    if (device !== undefined) return device;
    const { state, reason } = this.#options.gpus.current();
    throw new GatewayError('gpu_not_found', {
      message: `There is no GPU '${wanted.slice(0, 100)}'${state === 'available' ? '' : `: ${reason}`}. GET /api/admin/gpus lists them by index and UUID; 'cpu' is a device too.`,
      param,
    });
  }

  /** Told when figures or states of GPUs change. @returns what ends it */
  onChange(listener: () => void): () => void {
    return this.#options.gpus.subscribe(listener);
  }

  /** What a replica that is loading has taken of its GPU so far: in use, and not held by any replica yet. */
  takenBy(replica: string, device: string): number {
    const loading = this.#loading.get(device);
    const used = this.#options.gpus.current().data.find(({ uuid }) => uuid === device)?.memory_used_bytes;
    if (loading?.replica !== replica || used === null || used === undefined) return 0;
    return Math.max(0, used - this.#heldOn(device) - loading.before);
  }

  /**
   * Loads a replica (`act`) while no other load on its device goes on, and tells by how much the use grew, replicas that ended
   * meanwhile left out. Undefined where that cannot be told: the CPU's is measured by process, and a driver may fail to answer.
   */
  async measure<T>(
    replica: string,
    device: string,
    act: () => Promise<T>,
  ): Promise<{ result: T; grownBytes: number | undefined }> {
    if (device === CPU) return { result: await act(), grownBytes: undefined };
    return this.#alone(device, async () => {
      const release = this.#options.gpus.watchClosely();
      try {
        const before = await this.#unaccountedNow(device, SILENCE_MS);
        if (before !== undefined) this.#loading.set(device, { replica, before });
        const result = await act();
        const after = await this.#unaccountedNow(device, SILENCE_MS);
        const grown = before === undefined || after === undefined ? undefined : Math.max(0, after - before);
        return { result, grownBytes: grown };
      } finally {
        this.#loading.delete(device);
        release();
      }
    });
  }

  /**
   * Waits until no more of a device's use is unaccounted for than before a replica ended, which holds nothing any more:
   * 5 s at most. So it does not matter what else was loaded or ended there meanwhile.
   * @returns bytes that did not come back; undefined where that cannot be told
   */
  async proveRelease(device: string): Promise<number | undefined> {
    if (device === CPU) return undefined;
    return this.#alone(device, async () => {
      const known = this.#unaccounted.get(device);
      if (known === undefined) return undefined;
      // The higher one: a reading may come between the end of a process and the news of it.
      const before = Math.max(...known);
      let deadline: number | undefined;
      for (;;) {
        const now = await this.#unaccountedNow(device, RELEASE_SILENCE_MS);
        if (now === undefined) return undefined;
        deadline ??= Date.now() + RELEASE_MS;
        const residue = now - before;
        if (residue <= ROUNDING_BYTES) return 0;
        if (Date.now() >= deadline) {
          // Reported once: the next to end is not asked for it.
          this.#unaccounted.set(device, [now, now]);
          return residue;
        }
        await sleep(RELEASE_POLL_MS);
      }
    });
  }

  /** Of one process, where the driver tells. */
  usedByProcess(device: string, pid: number): number | undefined {
    const gpu = this.#options.gpus.current().data.find(({ uuid }) => uuid === device);
    return gpu?.processes?.find((process) => process.pid === pid)?.memory_used_bytes ?? undefined;
  }

  #noteUnaccounted(): void {
    for (const { uuid, memory_used_bytes: used } of this.#options.gpus.current().data) {
      if (used === null || this.#last.has(uuid)) continue;
      const now = used - this.#heldOn(uuid);
      this.#unaccounted.set(uuid, [this.#unaccounted.get(uuid)?.[1] ?? now, now]);
    }
  }

  /** Undefined when the driver has told nothing of the device for `patienceMs`. */
  async #unaccountedNow(device: string, patienceMs: number): Promise<number | undefined> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const used = await this.#used(device);
      if (used !== undefined) return used - this.#heldOn(device);
      if (Date.now() >= deadline) return undefined;
      await sleep(SILENCE_POLL_MS, undefined, { ref: false });
    }
  }

  #heldOn(device: string): number {
    return [...(this.#held.get(device)?.values() ?? [])].reduce((sum, bytes) => sum + bytes, 0);
  }

  async #used(device: string): Promise<number | undefined> {
    const list = await this.#options.gpus.sampleNow(NEVER).catch(() => undefined);
    return list?.data.find(({ uuid, state }) => uuid === device && state === 'ok')?.memory_used_bytes ?? undefined;
  }

  #gpu(gpu: Gpu): DeviceState {
    const isLost = gpu.state === 'lost';
    return {
      id: gpu.uuid,
      kind: 'cuda',
      label: `GPU ${gpu.index}`,
      index: gpu.index,
      totalBytes: gpu.memory_total_bytes ?? 0,
      usedBytes: gpu.memory_used_bytes ?? 0,
      unavailable: this.#whyNot(gpu),
      isLost,
      mayReturn:
        this.#options.cudaMissing === undefined && (isLost || this.#options.gpus.current().state !== 'available'),
    };
  }

  #whyNot({ state, reason, mig_enabled, memory_total_bytes }: Gpu): string | null {
    const list = this.#options.gpus.current();
    if (state === 'lost') return reason ?? 'the driver has it no more';
    if (list.state !== 'available') return list.reason ?? 'nvidia-smi does not answer';
    if (mig_enabled === true) return 'it is divided by MIG, whose parts are not supported';
    if (memory_total_bytes === null) return 'the driver does not tell its memory';
    return this.#options.cudaMissing ?? null;
  }

  async #alone<T>(device: string, act: () => Promise<T>): Promise<T> {
    const before = this.#last.get(device);
    const work = (async () => {
      await before?.catch(() => {});
      return act();
    })();
    this.#last.set(device, work);
    try {
      return await work;
    } finally {
      if (this.#last.get(device) === work) this.#last.delete(device);
    }
  }
}

const NEVER = new AbortController().signal;

/** Inside a container: its limit, and what is left of that. */
function hostMemory(): { totalBytes: number; usedBytes: number } {
  const limit = process.constrainedMemory();
  const totalBytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return { totalBytes, usedBytes: Math.max(0, totalBytes - process.availableMemory()) };
}
