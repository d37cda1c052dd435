/**
 * Asks nvidia-smi for every GPU and for the compute processes on them. Memory comes in MiB and leaves in bytes.
 * Fields: `nvidia-smi --help-query-gpu`; exit codes: its manual page, "RETURN VALUE".
 */
import type { Gpu, GpuProcess } from '../contract/gpus.ts';
import { type ProgramEnd, ProgramFailure, ProgramRunner } from './run-program.ts';
import { slowdownReasons } from './slowdown-reasons.ts';

export interface NvidiaSmiOptions {
  /** A name looked up in PATH, or a path. */
  program: string;
  environment: Readonly<Record<string, string>>;
  timeoutMs: number;
}

/** A GPU that the driver names only to say that it cannot be reached. */
export interface LostGpu {
  uuid: string | null;
  index: number | null;
  pciBusId: string | null;
  reason: string;
}

export interface GpuReading {
  driverVersion: string | null;
  /** By index. */
  gpus: Gpu[];
  lost: LostGpu[];
  /** Lines that are neither of the two. */
  warnings: string[];
}

/** Why there are no figures. `absent`: no program, no driver or no GPU; the message is short and the same each time. */
export class NvidiaSmiError extends Error {
  override readonly name = 'NvidiaSmiError';
  readonly kind: 'absent' | 'failed';
  constructor(kind: NvidiaSmiError['kind'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

const REQUIRED = ['index', 'uuid', 'name', 'memory.total', 'memory.used'] as const;
/** A driver that does not know one of these is asked without it. */
const OPTIONAL = [
  'pci.bus_id',
  'driver_version',
  'memory.free',
  'utilization.gpu',
  'utilization.memory',
  'temperature.gpu',
  'power.draw',
  'power.limit',
  'clocks.sm',
  'clocks.mem',
  'clocks_event_reasons.active',
  'ecc.errors.uncorrected.volatile.total',
  // Not of every driver: the detail of a GPU has them from its log all the same.
  'remapped_rows.pending',
  'remapped_rows.failure',
  'gpu_recovery_action',
  'mig.mode.current',
  'compute_cap',
] as const;
type Field = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number];
type Row = Partial<Record<Field, string>>;

const FORMAT = '--format=csv,noheader,nounits';
const PROCESS_FIELDS = ['gpu_uuid', 'pid', 'used_memory'];
/** 8 GPUs take 2 KB; a thousand processes 60 KB. */
const MAX_OUTPUT_BYTES = 4 * 2 ** 20;
const MIB = 2 ** 20;

/** Exit codes: success; one GPU's infoROM is corrupted; one is lost. The others answer all the same. */
const ANSWER_CODES: ReadonlySet<number | null> = new Set([0, 14, 15]);
/** Exit codes: nothing found, driver not loaded, NVML library not found. */
const ABSENT_CODES: ReadonlySet<number | null> = new Set([6, 9, 12]);
const ABSENT_TEXT = /No devices were found|couldn't communicate with the NVIDIA driver|NVML Shared Library Not Found/i;
const UNKNOWN_FIELD = /Field "([^"]+)" is not a valid field to query/;
const LOST_CELL = /^\[?GPU is lost\]?/i;
/** `…for GPU 0000:02:00.0: GPU is lost…`, `…for GPU0000:17:00.0: Unknown Error`, `…for GPU1: 0000:34:00.0: …`, `…for GPU1: …`. */
const LOST_LINE = new RegExp(
  'device handle for GPU\\s*(?:(BUS)|(\\d+)(?::\\s*(BUS))?)[:\\s]*(.*)$'.replaceAll(
    'BUS',
    '[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-9a-f]',
  ),
  'i',
);

export class NvidiaSmi {
  readonly #program: string;
  readonly #runner: ProgramRunner;
  readonly #unknown = new Set<string>();

  constructor({ program, environment, timeoutMs }: NvidiaSmiOptions) {
    this.#program = program;
    this.#runner = new ProgramRunner({ environment, timeoutMs, maxOutputBytes: MAX_OUTPUT_BYTES });
  }

  /** @throws NvidiaSmiError, or the signal's reason */
  async read(signal: AbortSignal): Promise<GpuReading> {
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const processes = this.#readProcesses(both);
    try {
      const reading = await this.#readGpus(both);
      const byGpu = await processes;
      signal.throwIfAborted();
      return { ...reading, gpus: reading.gpus.map((gpu) => ({ ...gpu, processes: processesOf(gpu, byGpu) })) };
    } catch (error) {
      stop.abort();
      await processes;
      signal.throwIfAborted();
      throw toError(error);
    }
  }

  async #readGpus(signal: AbortSignal): Promise<GpuReading> {
    for (;;) {
      const fields: readonly Field[] = [...REQUIRED, ...OPTIONAL.filter((field) => !this.#unknown.has(field))];
      const end = await this.#runner.run(this.#program, [`--query-gpu=${fields.join(',')}`, FORMAT], signal);
      const unknown = UNKNOWN_FIELD.exec(end.stdout + end.stderr)?.[1];
      if (unknown === undefined || !OPTIONAL.some((field) => field === unknown && !this.#unknown.has(field))) {
        return parseGpus(end, fields);
      }
      this.#unknown.add(unknown);
    }
  }

  /** By UUID of the GPU; null when the driver does not tell, which is no reason to have no figures at all. */
  async #readProcesses(signal: AbortSignal): Promise<Map<string, GpuProcess[]> | null> {
    try {
      const query = `--query-compute-apps=${PROCESS_FIELDS.join(',')}`;
      const end = await this.#runner.run(this.#program, [query, FORMAT], signal);
      return ANSWER_CODES.has(end.code) ? parseProcesses(end.stdout) : null;
    } catch {
      return null;
    }
  }
}

/** What `--query-gpu` with these fields wrote. @throws NvidiaSmiError when there is no GPU in it */
export function parseGpus(end: ProgramEnd, fields: readonly Field[]): GpuReading {
  const reading: GpuReading = { driverVersion: null, gpus: [], lost: [], warnings: [] };
  const lines = `${end.stdout}\n${end.stderr}`.split('\n').map((line) => line.trim());
  for (const line of lines.filter((text) => text !== '')) {
    const cells = line.split(',').map((cell) => cell.trim());
    const row: Row = Object.fromEntries(fields.map((field, at) => [field, cells[at]]));
    const gpu = cells.length === fields.length ? toGpu(row) : undefined;
    const lost = gpu === undefined ? toLost(row, cells, line) : undefined;
    if (gpu !== undefined) {
      reading.gpus.push(gpu);
      reading.driverVersion ??= textOf(row.driver_version);
    } else if (lost !== undefined) reading.lost.push(lost);
    else reading.warnings.push(line.slice(0, 300));
  }
  if (reading.gpus.length === 0) throw noGpus(end, reading);
  reading.gpus.sort((a, b) => a.index - b.index);
  return reading;
}

function toGpu(row: Row): Gpu | undefined {
  const index = numberOf(row.index);
  const uuid = textOf(row.uuid);
  if (index === null || uuid === null || Object.values(row).some((cell) => LOST_CELL.test(cell))) return undefined;
  return {
    index,
    uuid,
    name: textOf(row.name) ?? 'NVIDIA GPU',
    state: 'ok',
    reason: null,
    pci_bus_id: textOf(row['pci.bus_id']),
    compute_capability: textOf(row.compute_cap),
    mig_enabled: modeOf(row['mig.mode.current']),
    memory_total_bytes: mebibytes(row['memory.total']),
    memory_used_bytes: mebibytes(row['memory.used']),
    memory_free_bytes: mebibytes(row['memory.free']),
    utilization_percent: numberOf(row['utilization.gpu']),
    memory_utilization_percent: numberOf(row['utilization.memory']),
    temperature_celsius: numberOf(row['temperature.gpu']),
    power_watts: numberOf(row['power.draw']),
    power_limit_watts: numberOf(row['power.limit']),
    sm_clock_mhz: numberOf(row['clocks.sm']),
    memory_clock_mhz: numberOf(row['clocks.mem']),
    slowdown_reasons: slowdownReasons(textOf(row['clocks_event_reasons.active'])),
    ecc_uncorrected_errors: numberOf(row['ecc.errors.uncorrected.volatile.total']),
    row_remap_pending: flagOf(row['remapped_rows.pending']),
    row_remap_failed: flagOf(row['remapped_rows.failure']),
    recovery_action: textOf(row.gpu_recovery_action),
    processes: null,
  };
}

function toLost(row: Row, cells: readonly string[], line: string): LostGpu | undefined {
  if (cells.some((cell) => LOST_CELL.test(cell))) {
    return {
      uuid: textOf(row.uuid),
      index: numberOf(row.index),
      pciBusId: textOf(row['pci.bus_id']),
      reason: 'GPU is lost',
    };
  }
  const match = LOST_LINE.exec(line);
  if (match === null) return undefined;
  const [, alone, index, behind, reason = ''] = match;
  const pciBusId = alone ?? behind ?? null;
  return { uuid: null, index: numberOf(index), pciBusId, reason: reason === '' ? 'it cannot be reached' : reason };
}

function noGpus({ code }: ProgramEnd, { lost, warnings }: GpuReading): NvidiaSmiError {
  const silence = code === 0 ? 'No devices were found' : `nvidia-smi ended with code ${code}`;
  const reason = warnings[0] ?? lost[0]?.reason ?? silence;
  return new NvidiaSmiError(ABSENT_CODES.has(code) || ABSENT_TEXT.test(reason) ? 'absent' : 'failed', reason);
}

/** What `--query-compute-apps` with PROCESS_FIELDS wrote. */
export function parseProcesses(stdout: string): Map<string, GpuProcess[]> {
  const byGpu = new Map<string, GpuProcess[]>();
  for (const line of stdout.split('\n')) {
    const [uuid = '', pid, used] = line.split(',').map((cell) => cell.trim());
    const id = numberOf(pid);
    if (id === null) continue;
    byGpu.set(uuid, [...(byGpu.get(uuid) ?? []), { pid: id, memory_used_bytes: mebibytes(used) }]);
  }
  return byGpu;
}

function processesOf({ uuid }: Gpu, byGpu: Map<string, GpuProcess[]> | null): GpuProcess[] | null {
  return byGpu === null ? null : (byGpu.get(uuid) ?? []);
}

function toError(error: unknown): unknown {
  if (!(error instanceof ProgramFailure)) return error;
  const message = `nvidia-smi: ${error.message}`;
  return error.kind === 'missing'
    ? new NvidiaSmiError('absent', `${message}; NVIDIA_SMI says where it is`, error)
    : new NvidiaSmiError('failed', message, error);
}

/** `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `[Insufficient Permissions]` and the like are null. */
function textOf(cell: string | undefined): string | null {
  return cell === undefined || cell === '' || /^(\[.*\]|N\/A|ERR!)$/i.test(cell) ? null : cell;
}

function numberOf(cell: string | undefined): number | null {
  return cell !== undefined && /^-?\d+(\.\d+)?$/.test(cell) ? Number(cell) : null;
}

function mebibytes(cell: string | undefined): number | null {
  const value = numberOf(cell);
  return value === null ? null : Math.round(value * MIB);
}

/** `Yes` or `No`; some drivers count. */
function flagOf(cell: string | undefined): boolean | null {
  if (cell === undefined || !/^(yes|no|\d+)$/i.test(cell)) return null;
  return !/^(no|0+)$/i.test(cell);
}

function modeOf(cell: string | undefined): boolean | null {
  if (cell === undefined || !/^(en|dis)abled$/i.test(cell)) return null;
  return /^en/i.test(cell);
}
