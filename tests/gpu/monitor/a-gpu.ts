import type { Gpu } from '../../../backend/src/contract/gpus.ts';

const MIB = 2 ** 20;

/** An idle H200. */
export function aGpu(index: number): Gpu {
  return {
    index,
    uuid: `GPU-${index}`,
    name: 'NVIDIA H200',
    state: 'ok',
    reason: null,
    pci_bus_id: `00000000:${index}B:00.0`,
    compute_capability: '9.0',
    mig_enabled: false,
    memory_total_bytes: 143_771 * MIB,
    memory_used_bytes: MIB,
    memory_free_bytes: 143_155 * MIB,
    utilization_percent: 0,
    memory_utilization_percent: 0,
    temperature_celsius: 30,
    power_watts: 77,
    power_limit_watts: 700,
    sm_clock_mhz: 345,
    memory_clock_mhz: 3_201,
    slowdown_reasons: [],
    ecc_uncorrected_errors: 0,
    row_remap_pending: false,
    row_remap_failed: false,
    recovery_action: 'None',
    processes: [],
  };
}
