/** The full snapshot of a GPU through the package, which has no bounds of its own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GpuDetails } from '../../../backend/src/gpu/detail.ts';
import { findGpu, parseDetail } from '../../../backend/src/gpu/parse-detail.ts';
import { createFakeDgx, type FakeDgx } from '../../support/fake-dgx.ts';
import { dgxScenario, FAILURES } from '../../support/fake-nvidia-smi/scenario.ts';
import { isAlive } from '../../support/processes.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { aGpu } from './a-gpu.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const never = new AbortController().signal;

describe('the detail of a GPU', () => {
  let dgx: FakeDgx;
  beforeAll(async () => {
    dgx = await createFakeDgx();
  });
  afterAll(() => dgx.remove());
  const details = (timeoutMs = 20_000) => new GpuDetails({ program: dgx.path, environment: {}, timeoutMs });
  const gpuAt = (index: number) => ({ ...aGpu(index), uuid: dgx.uuids[index] ?? '' });
  const qRuns = async () => (await dgx.runs()).filter(({ options }) => options.includes('-x'));

  it('has ECC, PCIe, clocks, MIG and processes, and one run serves all who ask meanwhile', async () => {
    await dgx.allocate(process.pid, dgx.uuids[5] ?? '', 4_096);
    await dgx.change(({ gpus: [first] }) => {
      if (first === undefined) return;
      first.mig = [{ memory_total_mib: 71_424, memory_used_mib: 30 }];
      first.slowdown_reasons = ['hw_thermal_slowdown'];
      first.ecc = { volatile_uncorrected: 1, aggregate_uncorrected: 2, remapped_rows: 3, remap_failed: true };
      first.recovery_action = 'Drain and Reset';
    });
    const reader = details();
    const [mig, busy] = await Promise.all([reader.read(gpuAt(0), never), reader.read(gpuAt(5), never)]);
    expect(await qRuns()).toHaveLength(1);
    expect(mig).toMatchObject({
      index: 0,
      utilization: { gpu_percent: null, encoder_percent: 0 },
      slowdown_reasons: ['hw_thermal_slowdown'],
      ecc: {
        enabled: true,
        since_driver_load: { dram_uncorrectable: 1, sram_uncorrectable: 0 },
        lifetime: { dram_uncorrectable: 2 },
        remapped_rows: { correctable: 0, uncorrectable: 3, pending: false, failed: true },
      },
      recovery_action: 'Drain and Reset',
      mig: {
        enabled: true,
        devices: [
          {
            index: 0,
            gpu_instance_id: 1,
            compute_instance_id: 0,
            memory_total_bytes: 71_424 * MIB,
            memory_used_bytes: 30 * MIB,
          },
        ],
      },
      processes: [],
    });
    expect(busy).toMatchObject({
      object: 'gpu',
      index: 5,
      uuid: dgx.uuids[5],
      name: 'NVIDIA H200',
      architecture: 'Hopper',
      driver_version: '550.144.03',
      cuda_version: '12.4',
      persistence_enabled: true,
      compute_mode: 'Default',
      performance_state: 'P0',
      memory: {
        total_bytes: 143_771 * MIB,
        reserved_bytes: 615 * MIB,
        used_bytes: 4_097 * MIB,
        bar1_total_bytes: 256 * GIB,
      },
      temperatures: { gpu_celsius: 33, memory_celsius: 39, slowdown_celsius: null },
      power: { draw_watts: 77.42, limit_watts: 700 },
      clocks: { sm_mhz: 345, max_sm_mhz: 1_980, memory_mhz: 3_201 },
      pcie: {
        bus_id: '00000000:C3:00.0',
        generation: 5,
        width: 16,
        max_width: 16,
        replays: 0,
        transmit_bytes_per_second: 400 * 1024,
      },
      mig: { enabled: false, devices: [] },
      processes: [{ pid: process.pid, name: 'node', type: 'C', memory_used_bytes: 4_096 * MIB, gpu_instance_id: null }],
    });
    await dgx.change((scenario) => Object.assign(scenario, dgxScenario()));
  });

  it('is of a single GPU too, where the package gives no list', async () => {
    await dgx.change((scenario) => {
      scenario.gpus = scenario.gpus.slice(0, 1);
    });
    const reader = details();
    const missing = expect(reader.read(gpuAt(1), never)).rejects.toMatchObject({ code: 'gpu_unavailable' });
    expect(await reader.read(gpuAt(0), never)).toMatchObject({ index: 0, uuid: dgx.uuids[0] });
    await missing;
    await dgx.change((scenario) => Object.assign(scenario, dgxScenario()));
  });

  it('is given up when nvidia-smi hangs, and neither the package nor nvidia-smi is left', async () => {
    await dgx.change((scenario) => Object.assign(scenario.gpus[0] ?? {}, { hangs: true }));
    const before = (await qRuns()).length;
    await expect(details(1_500).read(gpuAt(0), never)).rejects.toMatchObject({
      code: 'gpu_unavailable',
      message: 'The GPU cannot be examined: nvidia-smi -q: it did not answer within 1.5 s.',
    });
    const hung = (await qRuns()).slice(before);
    expect(hung).toHaveLength(1);
    await waitUntil('it is gone', () => hung.every(({ pid }) => !isAlive(pid)));
  });

  it('is ended by closing', async () => {
    const before = (await qRuns()).length;
    const reader = details();
    const reading = reader.read(gpuAt(0), never);
    await waitUntil('it runs', async () => (await qRuns()).length > before);
    await Promise.all([expect(reading).rejects.toMatchObject({ code: 'gpu_unavailable' }), reader.close()]);
    const hung = (await qRuns()).slice(before);
    await waitUntil('it is gone', () => hung.every(({ pid }) => !isAlive(pid)));
    await dgx.change((scenario) => Object.assign(scenario, dgxScenario()));
  });

  it('fails as an error of its own when nvidia-smi does', async () => {
    await dgx.change((scenario) => {
      scenario.failure = FAILURES.noDriver;
    });
    await expect(details().read(gpuAt(0), never)).rejects.toMatchObject({ code: 'gpu_unavailable', status: 503 });
  });

  it('reads what drivers before 535 call otherwise', () => {
    const gpu = {
      uuid: 'GPU-old',
      clocks_throttle_reasons: { clocks_throttle_reason_sw_power_cap: 'Active' },
      power_readings: { power_draw: '61.20 W', power_limit: '300.00 W' },
      ecc_mode: { current_ecc: 'N/A' },
      ecc_errors: { volatile: { sram_uncorrectable: '4', dram_uncorrectable: 'N/A' } },
      mig_mode: { current_mig: 'N/A' },
      processes: 'N/A',
    };
    const log = { nvidia_smi_log: { gpu } };
    expect(findGpu(log, 'GPU-other')).toBeUndefined();
    expect(findGpu('nonsense', 'GPU-old')).toBeUndefined();
    expect(parseDetail(log, gpu, 0)).toMatchObject({
      name: 'NVIDIA GPU',
      slowdown_reasons: ['sw_power_cap'],
      power: { draw_watts: 61.2, limit_watts: 300 },
      ecc: { enabled: null, since_driver_load: { sram_uncorrectable: 4, dram_uncorrectable: null }, lifetime: null },
      mig: { enabled: null, devices: [] },
      processes: null,
      memory: { total_bytes: null },
    });
  });
});
