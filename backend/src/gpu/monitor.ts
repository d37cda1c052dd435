/** The one writer of what is known of the GPUs: asks the driver again and again, and on demand. */
import { abortable } from '../abortable.ts';
import { type Gpu, type GpuHistory, type GpuList, HISTORY_SECONDS } from '../contract/gpus.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { HistoryRing, type Spans } from './gpu-history.ts';
import { type GpuReading, type LostGpu, NvidiaSmiError } from './nvidia-smi.ts';

export interface GpuMonitorOptions {
  /** One look at all GPUs, bounded in time. @throws NvidiaSmiError */
  read(signal: AbortSignal): Promise<GpuReading>;
  /** From the end of one look to the next, while nobody watches closely. */
  idleIntervalMs: number;
  log: Logger;
}

/** While somebody watches closely: memory moves by gigabytes a second while a model loads. */
const CLOSE_INTERVAL_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;
const DEFAULT_STEP_SECONDS = 10;

export class GpuMonitor {
  readonly #options: GpuMonitorOptions;
  readonly #history = new Map<string, HistoryRing>();
  readonly #listeners = new Set<(list: GpuList) => void>();
  readonly #end = new AbortController();
  #list: GpuList = {
    object: 'list',
    state: 'unavailable',
    reason: 'nvidia-smi has not answered yet',
    rev: 0,
    driver_version: null,
    sampled_at: null,
    warnings: [],
    data: [],
  };
  /** The look under way, and the one that begins after it. They never reject. */
  #running: Promise<void> | undefined;
  #coming: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastEndedAt: number | undefined;
  #failures = 0;
  #watchers = 0;

  constructor(options: GpuMonitorOptions) {
    this.#options = options;
  }

  /** Begins to look; what it sees first is there a moment later. */
  start(): void {
    void this.#look();
  }

  /** What is known now. */
  current(): GpuList {
    return this.#list;
  }

  /**
   * A look that began after this call; callers of the same moment share it.
   * @throws gpu_unavailable when it brought no figures, client_closed_request on abort, shutting_down
   */
  async sampleNow(signal: AbortSignal): Promise<GpuList> {
    await abortable(this.#look(), signal);
    if (this.#end.signal.aborted) throw shuttingDown();
    if (this.#list.state !== 'available') throw this.#unavailable();
    return this.#list;
  }

  /** Looks every second until what it returns is called. */
  watchClosely(): () => void {
    this.#watchers += 1;
    this.#schedule();
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#watchers -= 1;
      this.#schedule();
    };
  }

  /** Told of every sample and every change of state. @returns what ends it */
  subscribe(listener: (list: GpuList) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** By index or UUID. @throws gpu_not_found, or gpu_unavailable while no GPU is known */
  require(id: string): Gpu {
    const { data, state } = this.#list;
    const matching = data.filter(({ index, uuid }) => String(index) === id || uuid.toLowerCase() === id.toLowerCase());
    // A lost one's index may have gone to another.
    const found = matching.find((gpu) => gpu.state === 'ok') ?? matching[0];
    if (found !== undefined) return found;
    if (state !== 'available' && data.length === 0) throw this.#unavailable();
    throw new GatewayError('gpu_not_found', {
      message: `There is no GPU '${id.slice(0, 100)}'. GET /api/admin/gpus lists them by index and UUID.`,
    });
  }

  /** @throws as `require` */
  history(id: string, options: { windowSeconds?: number | undefined; stepSeconds?: number | undefined }): GpuHistory {
    const { windowSeconds = HISTORY_SECONDS, stepSeconds = DEFAULT_STEP_SECONDS } = options;
    const { index, uuid } = this.require(id);
    const data = this.#history.get(uuid)?.buckets(Date.now() / 1000, windowSeconds, stepSeconds) ?? [];
    return { object: 'gpu.history', index, uuid, window_seconds: windowSeconds, step_seconds: stepSeconds, data };
  }

  /** Every GPU that was seen, in the order of `current`. */
  columns(spans: Spans) {
    return this.#list.data.map(({ index, uuid, name, memory_total_bytes }) => {
      const ring = this.#history.get(uuid) ?? new HistoryRing();
      return { index, uuid, name, memory_total_bytes, ...ring.columns(spans) };
    });
  }

  /** No timer and no process is left afterwards. */
  async close(): Promise<void> {
    this.#end.abort();
    clearTimeout(this.#timer);
    this.#listeners.clear();
    await this.#coming;
    await this.#running;
  }

  #look(): Promise<void> {
    this.#coming ??= this.#comeNext();
    return this.#coming;
  }

  async #comeNext(): Promise<void> {
    // Nothing to wait for is a wait too: whoever asks at the same moment joins before it begins.
    await this.#running;
    this.#coming = undefined;
    if (this.#end.signal.aborted) return;
    this.#running = this.#lookNow();
    await this.#running;
  }

  async #lookNow(): Promise<void> {
    clearTimeout(this.#timer);
    const startedAt = Date.now() / 1000;
    try {
      const reading = await this.#options.read(this.#end.signal);
      this.#failures = 0;
      this.#accept(reading, startedAt);
    } catch (error) {
      if (this.#end.signal.aborted) return;
      this.#failures += 1;
      this.#fail(error);
    }
    this.#running = undefined;
    this.#lastEndedAt = Date.now();
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#end.signal.aborted || this.#running !== undefined || this.#lastEndedAt === undefined) return;
    const interval = this.#watchers > 0 ? CLOSE_INTERVAL_MS : this.#options.idleIntervalMs;
    const waitMs = this.#failures === 0 ? interval : Math.min(MAX_BACKOFF_MS, interval * 2 ** this.#failures);
    this.#timer = setTimeout(() => void this.#look(), Math.max(0, this.#lastEndedAt + waitMs - Date.now()));
    this.#timer.unref();
  }

  #accept({ gpus, lost, warnings, driverVersion }: GpuReading, at: number): void {
    const present = new Set(gpus.map(({ uuid }) => uuid));
    const gone = this.#list.data
      .filter(({ uuid }) => !present.has(uuid))
      .map((gpu) =>
        asLost(gpu, lost.find((one) => isSame(one, gpu))?.reason ?? 'the driver does not list it any more'),
      );
    for (const gpu of gpus) {
      const ring = this.#history.get(gpu.uuid) ?? new HistoryRing();
      this.#history.set(gpu.uuid, ring);
      ring.add(at, gpu);
    }
    const data = [...gpus, ...gone].sort((a, b) => a.index - b.index);
    const known = (one: LostGpu) => gone.some((gpu) => isSame(one, gpu));
    const strangers = lost.filter((one) => !known(one)).map((one) => `${nameOf(one)}: ${one.reason}`);
    this.#replace({
      state: 'available',
      reason: null,
      driver_version: driverVersion,
      sampled_at: at,
      warnings: [...warnings, ...strangers],
      data,
    });
  }

  #fail(error: unknown): void {
    const reason = error instanceof NvidiaSmiError ? error.message : 'nvidia-smi could not be read';
    if (!(error instanceof NvidiaSmiError)) this.#options.log.error(reason, { cause: error });
    const isAbsent = error instanceof NvidiaSmiError && error.kind === 'absent';
    const state = isAbsent ? 'unavailable' : 'failing';
    if (this.#list.state === state && this.#list.reason === reason) return;
    const { data } = this.#list;
    this.#replace({ ...this.#list, state, reason, data: isAbsent ? data.map((gpu) => asLost(gpu, reason)) : data });
  }

  #replace(change: Omit<GpuList, 'object' | 'rev'>): void {
    const before = this.#list;
    this.#list = { ...change, object: 'list', rev: before.rev + 1 };
    this.#note(before, this.#list);
    for (const listener of this.#listeners) listener(this.#list);
  }

  /** One line for what is new, none for what goes on. */
  #note(before: GpuList, after: GpuList): void {
    const { log } = this.#options;
    if (after.state !== before.state || after.reason !== before.reason) {
      if (after.state === 'available') {
        log.info('GPUs', { count: after.data.length, driver: after.driver_version, names: namesOf(after.data) });
      } else if (after.state === 'unavailable') log.info('no GPU', { reason: after.reason });
      else log.warn('GPUs cannot be read', { reason: after.reason });
    }
    if (after.state !== 'available') return;
    for (const gpu of after.data) {
      const was = before.data.find(({ uuid }) => uuid === gpu.uuid)?.state ?? 'ok';
      const fields = { index: gpu.index, uuid: gpu.uuid };
      if (gpu.state === 'lost' && was === 'ok') log.error('a GPU is lost', { ...fields, reason: gpu.reason });
      if (gpu.state === 'ok' && was === 'lost') log.info('a GPU is back', fields);
    }
  }

  #unavailable(): GatewayError {
    const { state, reason } = this.#list;
    const what = state === 'failing' ? 'The GPUs cannot be read' : 'There is no GPU';
    return new GatewayError('gpu_unavailable', { message: `${what}: ${reason}.`, retryAfterSeconds: 5 });
  }
}

/** What it is stays known, what it does is not. */
function asLost(gpu: Gpu, reason: string): Gpu {
  return {
    ...gpu,
    state: 'lost',
    reason: gpu.state === 'lost' ? gpu.reason : reason,
    memory_used_bytes: null,
    memory_free_bytes: null,
    utilization_percent: null,
    memory_utilization_percent: null,
    temperature_celsius: null,
    power_watts: null,
    sm_clock_mhz: null,
    memory_clock_mhz: null,
    slowdown_reasons: null,
    ecc_uncorrected_errors: null,
    row_remap_pending: null,
    row_remap_failed: null,
    recovery_action: null,
    processes: null,
  };
}

function isSame(lost: LostGpu, gpu: Gpu): boolean {
  if (lost.uuid !== null) return lost.uuid === gpu.uuid;
  if (lost.pciBusId !== null && gpu.pci_bus_id !== null) return busId(lost.pciBusId) === busId(gpu.pci_bus_id);
  return lost.index === gpu.index;
}

/** The domain has four digits in messages and eight in figures. */
function busId(text: string): string {
  return text.toLowerCase().replace(/^0+(?=[0-9a-f]{4}:)/, '');
}

function nameOf({ uuid, pciBusId, index }: LostGpu): string {
  return `GPU ${uuid ?? pciBusId ?? index ?? ''}`.trim();
}

function shuttingDown(): GatewayError {
  return new GatewayError('shutting_down', { message: 'The server is shutting down.', retryAfterSeconds: 1 });
}

function namesOf(gpus: readonly Gpu[]): string[] {
  return [...new Set(gpus.map(({ name }) => name))];
}
