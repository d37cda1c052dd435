/** What the fake nvidia-smi plays: a machine as JSON. Memory in MiB, as the driver counts it. */

export interface FakeMigDevice {
  memory_total_mib: number;
  memory_used_mib: number;
}

export interface FakeGpu {
  index: number;
  uuid: string;
  name: string;
  pci_bus_id: string;
  compute_cap: string;
  memory_total_mib: number;
  /** What the driver keeps for itself: neither used nor free. */
  memory_reserved_mib: number;
  /** Without the allocations of living processes. */
  memory_used_mib: number;
  utilization_percent: number;
  temperature_celsius: number;
  power_watts: number;
  power_limit_watts: number;
  sm_clock_mhz: number;
  memory_clock_mhz: number;
  /** Names as `clocks_event_reason_…` has them: hw_thermal_slowdown, sw_power_cap, … */
  slowdown_reasons: string[];
  /** null: a card without ECC. */
  ecc: {
    volatile_uncorrected: number;
    aggregate_uncorrected: number;
    remapped_rows: number;
    remap_pending?: boolean;
    remap_failed?: boolean;
  } | null;
  /** What the driver asks for; default `None`. */
  recovery_action?: string;
  /** null: MIG is off. */
  mig: FakeMigDevice[] | null;
  /** Gone without a word, as after a restart of the driver. */
  vanished?: boolean;
  /** Fallen off the bus: a line says so in place of its figures, and the exit code is 15. */
  lost?: boolean;
  /** Whatever asks for it never gets an answer. */
  hangs?: boolean;
}

export interface FakeScenario {
  driver_version: string;
  cuda_version: string;
  gpus: FakeGpu[];
  /** The whole program fails so. */
  failure?: { exit_code: number; stdout?: string; stderr?: string } | null;
  /** Fields of `--query-gpu` that this driver does not know. */
  unknown_fields?: string[];
  /** Processes are not told, as inside a container with process ids of its own. */
  hides_processes?: boolean;
}

/** `allocations/<pid>.json` beside the scenario; the name may go on behind a `-`. */
export interface FakeAllocation {
  gpu_uuid: string;
  mib: number;
  /** Stays on the GPU when the process is gone. */
  residue_mib?: number;
}

/** nvidia-smi's own words and codes. */
export const FAILURES = {
  noDriver: {
    exit_code: 9,
    stdout:
      "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n\n",
  },
  noDevices: { exit_code: 6, stdout: 'No devices were found\n' },
  mismatch: {
    exit_code: 18,
    stdout: 'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.144\n',
  },
  unknownError: { exit_code: 255, stdout: 'Failed to initialize NVML: Unknown Error\n' },
} as const;

/** PCI buses of a DGX with eight SXM modules. */
const BUSES = ['1B', '43', '52', '61', '9D', 'C3', 'D1', 'DF'];

/** A DGX with eight idle H200. */
export function dgxScenario(): FakeScenario {
  return {
    driver_version: '550.144.03',
    cuda_version: '12.4',
    gpus: BUSES.map((bus, index) => ({
      index,
      uuid: `GPU-${index}c41d5ea-7b02-4f6a-8d13-9a60e2b7f40${index}`,
      name: 'NVIDIA H200',
      pci_bus_id: `00000000:${bus}:00.0`,
      compute_cap: '9.0',
      memory_total_mib: 143_771,
      memory_reserved_mib: 615,
      memory_used_mib: 1,
      utilization_percent: 0,
      temperature_celsius: 28 + index,
      power_watts: 77.42,
      power_limit_watts: 700,
      sm_clock_mhz: 345,
      memory_clock_mhz: 3_201,
      slowdown_reasons: [],
      ecc: { volatile_uncorrected: 0, aggregate_uncorrected: 0, remapped_rows: 0 },
      mig: null,
    })),
  };
}
