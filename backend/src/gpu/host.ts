/** CPU, memory and disks of the machine, asked for on demand and at most every few seconds. */
import { realpath, stat, statfs } from 'node:fs/promises';
import { availableParallelism, loadavg, uptime } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Systeminformation } from 'systeminformation';
import type { Host } from '../contract/host.ts';
import type { Logger } from '../logger.ts';
import type { HostMessage, HostSample } from './host-thread.ts';

type Disk = Host['disks'][number];

export interface HostMonitorOptions {
  folders: Readonly<Record<Disk['folder'], string>>;
  /** What the thread and the programs it starts see. */
  environment: Readonly<Record<string, string>>;
  log: Logger;
}

const MAX_AGE_MS = 3_000;
const TIMEOUT_MS = 3_000;
const THREAD = new URL('./host-thread.ts', import.meta.url);

export class HostMonitor {
  readonly #options: HostMonitorOptions;
  #thread: Worker | undefined;
  #mounts: Systeminformation.FsSizeData[] = [];
  #last: { at: number; host: Promise<Host> } | undefined;

  constructor(options: HostMonitorOptions) {
    this.#options = options;
  }

  /** Never rejects: what cannot be had in time is null. */
  read(): Promise<Host> {
    const now = performance.now();
    if (this.#last === undefined || now - this.#last.at > MAX_AGE_MS) this.#last = { at: now, host: this.#look() };
    return this.#last.host;
  }

  async close(): Promise<void> {
    await this.#thread?.terminate();
  }

  async #look(): Promise<Host> {
    const folders = Object.entries(this.#options.folders) as [Disk['folder'], string][];
    const sample = await this.#ask();
    const disks = await Promise.all(
      folders.map(async ([folder, path]) => (await inTime(this.#disk(folder, path))) ?? noDisk(folder)),
    );
    const [one = 0, five = 0, fifteen = 0] = loadavg();
    return {
      object: 'host',
      sampled_at: Date.now() / 1000,
      uptime_seconds: uptime(),
      cpu: {
        cores: availableParallelism(),
        load_percent: sample === undefined ? null : Math.round(sample.loadPercent * 10) / 10,
        load_average: [one, five, fifteen],
      },
      memory: sample === undefined ? null : memoryOf(sample.memory),
      disks,
    };
  }

  /** undefined when the thread does not answer; another takes its place then. */
  async #ask(): Promise<HostSample | undefined> {
    this.#thread ??= this.#startThread();
    const thread = this.#thread;
    const { promise, resolve } = Promise.withResolvers<HostSample>();
    const onMessage = (message: HostMessage) => {
      if ('sample' in message) resolve(message.sample);
    };
    thread.on('message', onMessage);
    thread.postMessage('sample');
    const sample = await inTime(promise);
    thread.off('message', onMessage);
    if (sample === undefined) {
      this.#thread = undefined;
      await thread.terminate();
    }
    return sample;
  }

  #startThread(): Worker {
    const thread = new Worker(THREAD, { env: { ...this.#options.environment }, execArgv: [] });
    thread.unref();
    thread.on('message', (message: HostMessage) => {
      if ('mounts' in message) this.#mounts = message.mounts;
    });
    thread.on('error', (cause) => this.#options.log.warn('the machine cannot be measured', { cause }));
    return thread;
  }

  /** Space as `statfs` has it, which uploads are refused by; systeminformation leaves some file systems out. */
  async #disk(folder: Disk['folder'], path: string): Promise<Disk> {
    const real = await realpath(path);
    const { bsize, blocks, bavail } = await statfs(real);
    const isWithin = ({ mount }: Systeminformation.FsSizeData) =>
      mount === '/' || real === mount || real.startsWith(`${mount}/`);
    const mounted = this.#mounts.filter(isWithin).sort((a, b) => b.mount.length - a.mount.length)[0];
    const own = mounted !== undefined && (await isSameDevice(real, mounted.mount)) ? mounted : undefined;
    return {
      folder,
      total_bytes: blocks * bsize,
      available_bytes: bavail * bsize,
      device: own?.fs ?? null,
      mount: own?.mount ?? null,
      filesystem: own?.type ?? null,
    };
  }
}

/** undefined when it fails or takes too long. */
async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, TIMEOUT_MS, undefined);
  try {
    return await Promise.race([work.catch(() => undefined), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Or the folder's own mount is not in the list, and this is one further up. */
async function isSameDevice(folder: string, mount: string): Promise<boolean> {
  return (await stat(folder)).dev === (await stat(mount)).dev;
}

function noDisk(folder: Disk['folder']): Disk {
  return { folder, total_bytes: null, available_bytes: null, device: null, mount: null, filesystem: null };
}

function memoryOf(memory: Systeminformation.MemData): Host['memory'] {
  return {
    total_bytes: memory.total,
    used_bytes: memory.total - memory.available,
    available_bytes: memory.available,
    swap_total_bytes: memory.swaptotal,
    swap_used_bytes: memory.swapused,
  };
}
