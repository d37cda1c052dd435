/**
 * The log of `nvidia-smi -q -x`, as xml2js makes it: objects of strings with units; one child is an object, several are an array,
 * an empty one is its white space. Names differ between drivers; what is not there is null.
 */
import type { GpuDetail } from '../contract/gpus.ts';
import { SLOWDOWN_NAMES } from './slowdown-reasons.ts';

type Node = Record<string, unknown>;

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** The element of the GPU with this UUID. */
export function findGpu(log: unknown, uuid: string): Node | undefined {
  return children(root(log), 'gpu').find((gpu) => text(gpu, 'uuid') === uuid);
}

/** @param gpu of `findGpu` */
export function parseDetail(log: unknown, gpu: Node, index: number): GpuDetail {
  const [memory, bar1] = [child(gpu, 'fb_memory_usage'), child(gpu, 'bar1_memory_usage')];
  const utilization = child(gpu, 'utilization');
  const temperature = child(gpu, 'temperature');
  const power = either(gpu, 'gpu_power_readings', 'power_readings');
  const [clocks, maxClocks] = [child(gpu, 'clocks'), child(gpu, 'max_clocks')];
  return {
    object: 'gpu',
    index,
    uuid: text(gpu, 'uuid') ?? '',
    name: text(gpu, 'product_name') ?? 'NVIDIA GPU',
    architecture: text(gpu, 'product_architecture'),
    driver_version: text(root(log), 'driver_version'),
    cuda_version: text(root(log), 'cuda_version'),
    vbios_version: text(gpu, 'vbios_version'),
    persistence_enabled: flag(gpu, 'persistence_mode'),
    compute_mode: text(gpu, 'compute_mode'),
    performance_state: text(gpu, 'performance_state'),
    memory: {
      total_bytes: bytes(memory, 'total'),
      reserved_bytes: bytes(memory, 'reserved'),
      used_bytes: bytes(memory, 'used'),
      free_bytes: bytes(memory, 'free'),
      bar1_total_bytes: bytes(bar1, 'total'),
      bar1_used_bytes: bytes(bar1, 'used'),
    },
    utilization: {
      gpu_percent: number(utilization, 'gpu_util'),
      memory_percent: number(utilization, 'memory_util'),
      encoder_percent: number(utilization, 'encoder_util'),
      decoder_percent: number(utilization, 'decoder_util'),
    },
    temperatures: {
      gpu_celsius: number(temperature, 'gpu_temp'),
      memory_celsius: number(temperature, 'memory_temp'),
      slowdown_celsius: number(temperature, 'gpu_temp_slow_threshold'),
      shutdown_celsius: number(temperature, 'gpu_temp_max_threshold'),
    },
    power: {
      draw_watts: number(power, 'power_draw') ?? number(power, 'instant_power_draw'),
      limit_watts: number(power, 'current_power_limit') ?? number(power, 'power_limit'),
      default_limit_watts: number(power, 'default_power_limit'),
      max_limit_watts: number(power, 'max_power_limit'),
    },
    clocks: {
      graphics_mhz: number(clocks, 'graphics_clock'),
      sm_mhz: number(clocks, 'sm_clock'),
      memory_mhz: number(clocks, 'mem_clock'),
      max_graphics_mhz: number(maxClocks, 'graphics_clock'),
      max_sm_mhz: number(maxClocks, 'sm_clock'),
      max_memory_mhz: number(maxClocks, 'mem_clock'),
    },
    slowdown_reasons: slowdowns(gpu),
    recovery_action: recoveryAction(gpu),
    pcie: pcie(child(gpu, 'pci')),
    ecc: ecc(gpu),
    mig: mig(gpu),
    processes: processes(gpu),
  };
}

/** `clocks_event_reasons`, `clocks_throttle_reasons` before driver 535. */
function slowdowns(gpu: Node): string[] | null {
  const reasons = either(gpu, 'clocks_event_reasons', 'clocks_throttle_reasons');
  if (reasons === undefined) return null;
  const isActive = (name: string) =>
    [`clocks_event_reason_${name}`, `clocks_throttle_reason_${name}`].some((key) => text(reasons, key) === 'Active');
  return SLOWDOWN_NAMES.filter(isActive);
}

/** Since driver 560. Elsewhere `None` is nothing told; here it says that all is well. */
function recoveryAction(gpu: Node): string | null {
  const { gpu_recovery_action: action } = gpu;
  return action === 'None' ? action : text(gpu, 'gpu_recovery_action');
}

function pcie(pci: Node | undefined): GpuDetail['pcie'] {
  const link = child(pci, 'pci_gpu_link_info');
  const [generation, width] = [child(link, 'pcie_gen'), child(link, 'link_widths')];
  const perSecond = (name: string) => scaled(number(pci, name), KIB);
  return {
    bus_id: text(pci, 'pci_bus_id'),
    generation: number(generation, 'current_link_gen'),
    max_generation: number(generation, 'max_link_gen'),
    width: number(width, 'current_link_width'),
    max_width: number(width, 'max_link_width'),
    replays: number(pci, 'replay_counter'),
    transmit_bytes_per_second: perSecond('tx_util'),
    receive_bytes_per_second: perSecond('rx_util'),
  };
}

function ecc(gpu: Node): GpuDetail['ecc'] {
  const errors = child(gpu, 'ecc_errors');
  const rows = child(gpu, 'remapped_rows');
  return {
    enabled: flag(child(gpu, 'ecc_mode'), 'current_ecc'),
    since_driver_load: eccErrors(child(errors, 'volatile')),
    lifetime: eccErrors(child(errors, 'aggregate')),
    remapped_rows:
      rows === undefined
        ? null
        : {
            correctable: number(rows, 'remapped_row_corr'),
            uncorrectable: number(rows, 'remapped_row_unc'),
            pending: flag(rows, 'remapped_row_pending'),
            failed: flag(rows, 'remapped_row_failure'),
          },
  };
}

/** Newer drivers count what parity and what SEC-DED found apart. */
function eccErrors(counts: Node | undefined): GpuDetail['ecc']['lifetime'] {
  if (counts === undefined) return null;
  const [parity, secded] = [number(counts, 'sram_uncorrectable_parity'), number(counts, 'sram_uncorrectable_secded')];
  const apart = parity === null && secded === null ? null : (parity ?? 0) + (secded ?? 0);
  return {
    sram_correctable: number(counts, 'sram_correctable'),
    sram_uncorrectable: number(counts, 'sram_uncorrectable') ?? apart,
    dram_correctable: number(counts, 'dram_correctable'),
    dram_uncorrectable: number(counts, 'dram_uncorrectable'),
  };
}

function mig(gpu: Node): GpuDetail['mig'] {
  const mode = child(gpu, 'mig_mode');
  const devices = children(child(gpu, 'mig_devices'), 'mig_device').map((device) => ({
    index: number(device, 'index'),
    gpu_instance_id: number(device, 'gpu_instance_id'),
    compute_instance_id: number(device, 'compute_instance_id'),
    memory_total_bytes: bytes(child(device, 'fb_memory_usage'), 'total'),
    memory_used_bytes: bytes(child(device, 'fb_memory_usage'), 'used'),
  }));
  return { enabled: flag(mode, 'current_mig'), pending: flag(mode, 'pending_mig'), devices };
}

/** A blank element is none; N/A is not known. */
function processes(gpu: Node): GpuDetail['processes'] {
  const list = gpu.processes;
  if (typeof list !== 'object' && (typeof list !== 'string' || list.trim() !== '')) return null;
  return children(child(gpu, 'processes'), 'process_info').flatMap((info) => {
    const pid = number(info, 'pid');
    if (pid === null) return [];
    return {
      pid,
      name: text(info, 'process_name'),
      type: text(info, 'type'),
      memory_used_bytes: bytes(info, 'used_memory'),
      gpu_instance_id: number(info, 'gpu_instance_id'),
    };
  });
}

function root(log: unknown): Node | undefined {
  return isNode(log) ? child(log, 'nvidia_smi_log') : undefined;
}

function child(node: Node | undefined, name: string): Node | undefined {
  const value = node?.[name];
  return isNode(value) ? value : undefined;
}

function either(node: Node, newer: string, older: string): Node | undefined {
  return child(node, newer) ?? child(node, older);
}

function children(node: Node | undefined, name: string): Node[] {
  const value = node?.[name];
  return (Array.isArray(value) ? value : [value]).filter(isNode);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(node: Node | undefined, name: string): string | null {
  const value = node?.[name];
  return typeof value === 'string' && !/^(\s*|\[.*\]|N\/A|ERR!|None)$/.test(value) ? value : null;
}

/** The number before its unit: `143771 MiB`, `35 C`, `77.42 W`, `16x`, `400 KB/s`. */
function number(node: Node | undefined, name: string): number | null {
  const match = /^(-?\d+(?:\.\d+)?)(?:x| \S+)?$/.exec(text(node, name) ?? '');
  return match === null ? null : Number(match[1]);
}

function bytes(node: Node | undefined, name: string): number | null {
  return scaled(number(node, name), MIB);
}

function scaled(value: number | null, unit: number): number | null {
  return value === null ? null : Math.round(value * unit);
}

function flag(node: Node | undefined, name: string): boolean | null {
  const value = text(node, name);
  if (value === 'Enabled' || value === 'Yes') return true;
  return value === 'Disabled' || value === 'No' ? false : null;
}
