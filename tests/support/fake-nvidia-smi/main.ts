/** The program behind `nvidia-smi`: `--query-gpu`, `--query-compute-apps`, `-q -x` and `-L` of the scenario's machine. */
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeAllocation, FakeGpu, FakeScenario } from './scenario.ts';

interface Held extends FakeAllocation {
  pid: number;
  isAlive: boolean;
}

/** A GPU with what processes hold on it. */
export interface Shown {
  gpu: FakeGpu;
  usedMib: number;
  processes: Held[];
}

const scenarioPath = process.env.FAKE_NVIDIA_SMI_SCENARIO ?? '';
const folder = dirname(scenarioPath);
const scenario: FakeScenario = JSON.parse(readFileSync(scenarioPath, 'utf8'));
const options = process.argv.slice(2);
const HANG_MS = 300_000;

/** One line for each run: tests see how often it ran, and which process to look for. */
appendFileSync(join(folder, 'runs.jsonl'), `${JSON.stringify({ pid: process.pid, options })}\n`);

interface Answer {
  code: number;
  stdout: string;
  stderr?: string;
}

async function answer(): Promise<Answer> {
  const { failure } = scenario;
  const ids = option('--id', '-i')?.split(',');
  const asked = scenario.gpus.filter((gpu) => !gpu.vanished && (ids === undefined || isAsked(gpu, ids)));
  // Real ones wait in the driver, whatever is asked for; this one at most for minutes, if nobody kills it.
  if (asked.some(({ hangs }) => hangs)) await sleep(HANG_MS);
  if (failure) return { code: failure.exit_code, stdout: failure.stdout ?? '', stderr: failure.stderr ?? '' };
  if (asked.length === 0) return { code: 6, stdout: 'No devices were found\n' };

  const held = readAllocations();
  const shown = asked.filter(({ lost }) => !lost).map((gpu) => show(gpu, held));
  const lostLines = asked.filter(({ lost }) => lost).map(lostLine);
  const code = lostLines.length > 0 ? 15 : 0;
  const gpuFields = option('--query-gpu');
  if (gpuFields !== undefined) return query(gpuFields, shown.map(gpuCells), lostLines, code);
  const processFields = option('--query-compute-apps');
  if (processFields !== undefined) {
    const rows = shown.flatMap((one) =>
      scenario.hides_processes ? [] : one.processes.filter(({ isAlive }) => isAlive).map((held) => appCells(one, held)),
    );
    return query(processFields, rows, [], code);
  }
  if (options.includes('-x')) {
    const { toXml } = await import('./xml.ts');
    return { code, stdout: toXml(scenario, shown) };
  }
  const names = shown.map(({ gpu }) => `GPU ${gpu.index}: ${gpu.name} (UUID: ${gpu.uuid})`);
  return { code, stdout: `${[...lostLines, ...names].join('\n')}\n` };
}

/** The value of `--name=value`, `--name value` or `-n value`. */
function option(name: string, short = name): string | undefined {
  const joined = options.find((text) => text.startsWith(`${name}=`));
  if (joined !== undefined) return joined.slice(name.length + 1);
  const at = options.findIndex((text) => text === name || text === short);
  return at === -1 ? undefined : options[at + 1];
}

function isAsked({ index, uuid, pci_bus_id }: FakeGpu, ids: readonly string[]): boolean {
  return [String(index), uuid, pci_bus_id].some((id) => ids.includes(id));
}

function lostLine({ pci_bus_id: bus }: FakeGpu): string {
  return `Unable to determine the device handle for GPU${bus.slice(4)}: GPU is lost.  Reboot the system to recover this GPU`;
}

function readAllocations(): Held[] {
  const allocations = join(folder, 'allocations');
  if (!existsSync(allocations)) return [];
  return readdirSync(allocations).flatMap((name) => {
    const pid = Number(/^(\d+)(?:-.*)?\.json$/.exec(name)?.[1]);
    if (Number.isNaN(pid)) return [];
    const allocation: FakeAllocation = JSON.parse(readFileSync(join(allocations, name), 'utf8'));
    return [{ ...allocation, pid, isAlive: isAlive(pid) }];
  });
}

/** A process that has ended and waits for its parent to notice holds nothing. */
function isAlive(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(text.slice(text.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

function show(gpu: FakeGpu, held: readonly Held[]): Shown {
  const processes = held.filter(({ gpu_uuid }) => gpu_uuid === gpu.uuid);
  const mib = ({ isAlive, mib, residue_mib = 0 }: Held) => (isAlive ? mib : residue_mib);
  return { gpu, processes, usedMib: processes.reduce((sum, one) => sum + mib(one), gpu.memory_used_mib) };
}

/** Name → [value, unit]. */
type Cells = Record<string, readonly [value: string | number, unit?: string]>;

function query(names: string, rows: readonly Cells[], otherLines: readonly string[], code: number): Answer {
  const fields = names.split(',').map((name) => name.trim());
  const unknown = fields.find(
    (name) => scenario.unknown_fields?.includes(name) || (rows[0] !== undefined && rows[0][name] === undefined),
  );
  if (unknown !== undefined) return { code: 2, stdout: `Field "${unknown}" is not a valid field to query.\n\n` };
  const format = option('--format')?.split(',') ?? [];
  const line = (cells: Cells) =>
    fields
      .map((name) => {
        const [value, unit] = cells[name] ?? ['[N/A]'];
        const isBare = unit === undefined || format.includes('nounits') || String(value).startsWith('[');
        return isBare ? String(value) : `${value} ${unit}`;
      })
      .join(', ');
  const header = format.includes('noheader') ? [] : [fields.join(', ')];
  const lines = [...header, ...otherLines, ...rows.map(line)];
  return { code, stdout: lines.map((text) => `${text}\n`).join('') };
}

const REASON_BITS: Record<string, number> = {
  sw_power_cap: 0x04,
  hw_slowdown: 0x08,
  sw_thermal_slowdown: 0x20,
  hw_thermal_slowdown: 0x40,
  hw_power_brake_slowdown: 0x80,
};
const GPU_IDLE_BIT = 0x01;

function yesNo(value: boolean | undefined): string {
  return value === true ? 'Yes' : 'No';
}

function gpuCells({ gpu, usedMib }: Shown): Cells {
  const isIdle = gpu.utilization_percent === 0 && gpu.slowdown_reasons.length === 0;
  const reasons = gpu.slowdown_reasons.reduce((sum, name) => sum | (REASON_BITS[name] ?? 0), isIdle ? GPU_IDLE_BIT : 0);
  // With MIG on, the driver has no figure for the whole GPU.
  const utilization = gpu.mig === null ? gpu.utilization_percent : '[N/A]';
  return {
    index: [gpu.index],
    uuid: [gpu.uuid],
    name: [gpu.name],
    'pci.bus_id': [gpu.pci_bus_id],
    driver_version: [scenario.driver_version],
    compute_cap: [gpu.compute_cap],
    'memory.total': [gpu.memory_total_mib, 'MiB'],
    'memory.reserved': [gpu.memory_reserved_mib, 'MiB'],
    'memory.used': [usedMib, 'MiB'],
    'memory.free': [gpu.memory_total_mib - gpu.memory_reserved_mib - usedMib, 'MiB'],
    'utilization.gpu': [utilization, '%'],
    'utilization.memory': [utilization, '%'],
    'temperature.gpu': [gpu.temperature_celsius],
    'power.draw': [gpu.power_watts.toFixed(2), 'W'],
    'power.limit': [gpu.power_limit_watts.toFixed(2), 'W'],
    'clocks.sm': [gpu.sm_clock_mhz, 'MHz'],
    'clocks.mem': [gpu.memory_clock_mhz, 'MHz'],
    'clocks_event_reasons.active': [`0x${reasons.toString(16).padStart(16, '0')}`],
    'ecc.errors.uncorrected.volatile.total': [gpu.ecc?.volatile_uncorrected ?? '[N/A]'],
    'remapped_rows.pending': [gpu.ecc === null ? '[N/A]' : yesNo(gpu.ecc.remap_pending)],
    'remapped_rows.failure': [gpu.ecc === null ? '[N/A]' : yesNo(gpu.ecc.remap_failed)],
    gpu_recovery_action: [gpu.recovery_action ?? 'None'],
    'mig.mode.current': [gpu.mig === null ? 'Disabled' : 'Enabled'],
  };
}

function appCells({ gpu }: Shown, { pid, mib }: Held): Cells {
  return {
    gpu_uuid: [gpu.uuid],
    gpu_name: [gpu.name],
    gpu_bus_id: [gpu.pci_bus_id],
    pid: [pid],
    process_name: ['node'],
    used_memory: [mib, 'MiB'],
    used_gpu_memory: [mib, 'MiB'],
  };
}

const { code, stdout, stderr } = await answer();
process.stderr.write(stderr ?? '');
process.stdout.write(stdout);
process.exitCode = code;
