/** `nvidia-smi -q -x`: the elements that drivers since 535 write for a data-centre card, as far as anybody reads them. */
import type { Shown } from './main.ts';
import type { FakeScenario } from './scenario.ts';

type Xml = string | number | { [name: string]: Xml } | Xml[];

/** Arrays repeat their element. */
function element(name: string, value: Xml): string {
  if (Array.isArray(value)) return value.map((one) => element(name, one)).join('');
  return `<${name}>${content(value)}</${name}>\n`;
}

function content(value: Exclude<Xml, Xml[]>): string {
  if (typeof value !== 'object') return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `\n${Object.entries(value)
    .map(([name, inner]) => element(name, inner))
    .join('')}`;
}

export function toXml(scenario: FakeScenario, shown: readonly Shown[]): string {
  const head = {
    timestamp: 'Sat Nov  1 12:00:00 2025',
    driver_version: scenario.driver_version,
    cuda_version: scenario.cuda_version,
    attached_gpus: scenario.gpus.length,
  };
  const gpus = shown.map((one) => `<gpu id="${one.gpu.pci_bus_id}">${content(gpuElement(one))}</gpu>\n`);
  return `<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">\n<nvidia_smi_log>${content(head)}${gpus.join('')}</nvidia_smi_log>\n`;
}

function gpuElement({ gpu, usedMib, processes }: Shown): { [name: string]: Xml } {
  const mig = gpu.mig === null ? 'Disabled' : 'Enabled';
  const utilization = gpu.mig === null ? `${gpu.utilization_percent} %` : 'N/A';
  const reason = (name: string) => (gpu.slowdown_reasons.includes(name) ? 'Active' : 'Not Active');
  const errors = (uncorrected: number) => ({
    sram_correctable: 0,
    sram_uncorrectable_parity: 0,
    sram_uncorrectable_secded: 0,
    dram_correctable: 0,
    dram_uncorrectable: uncorrected,
  });
  return {
    product_name: gpu.name,
    product_brand: 'NVIDIA',
    product_architecture: 'Hopper',
    persistence_mode: 'Enabled',
    mig_mode: { current_mig: mig, pending_mig: mig },
    mig_devices:
      gpu.mig === null
        ? 'None'
        : {
            mig_device: gpu.mig.map((device, index) => ({
              index,
              gpu_instance_id: index + 1,
              compute_instance_id: 0,
              fb_memory_usage: {
                total: `${device.memory_total_mib} MiB`,
                reserved: '0 MiB',
                used: `${device.memory_used_mib} MiB`,
                free: `${device.memory_total_mib - device.memory_used_mib} MiB`,
              },
            })),
          },
    uuid: gpu.uuid,
    minor_number: gpu.index,
    vbios_version: '96.00.A5.00.03',
    pci: {
      pci_bus_id: gpu.pci_bus_id,
      pci_gpu_link_info: {
        pcie_gen: { max_link_gen: 5, current_link_gen: 5, device_current_link_gen: 5 },
        link_widths: { max_link_width: '16x', current_link_width: '16x' },
      },
      replay_counter: 0,
      tx_util: '400 KB/s',
      rx_util: '521 KB/s',
    },
    gpu_recovery_action: gpu.recovery_action ?? 'None',
    fan_speed: 'N/A',
    performance_state: 'P0',
    clocks_event_reasons: {
      clocks_event_reason_gpu_idle: gpu.utilization_percent === 0 ? 'Active' : 'Not Active',
      clocks_event_reason_applications_clocks_setting: 'Not Active',
      clocks_event_reason_sw_power_cap: reason('sw_power_cap'),
      clocks_event_reason_hw_slowdown: reason('hw_slowdown'),
      clocks_event_reason_hw_thermal_slowdown: reason('hw_thermal_slowdown'),
      clocks_event_reason_hw_power_brake_slowdown: reason('hw_power_brake_slowdown'),
      clocks_event_reason_sw_thermal_slowdown: reason('sw_thermal_slowdown'),
    },
    fb_memory_usage: {
      total: `${gpu.memory_total_mib} MiB`,
      reserved: `${gpu.memory_reserved_mib} MiB`,
      used: `${usedMib} MiB`,
      free: `${gpu.memory_total_mib - gpu.memory_reserved_mib - usedMib} MiB`,
    },
    bar1_memory_usage: { total: '262144 MiB', used: '1 MiB', free: '262143 MiB' },
    compute_mode: 'Default',
    utilization: { gpu_util: utilization, memory_util: utilization, encoder_util: '0 %', decoder_util: '0 %' },
    ecc_mode: { current_ecc: gpu.ecc === null ? 'N/A' : 'Enabled', pending_ecc: gpu.ecc === null ? 'N/A' : 'Enabled' },
    ...(gpu.ecc === null
      ? {}
      : {
          ecc_errors: {
            volatile: errors(gpu.ecc.volatile_uncorrected),
            aggregate: { ...errors(gpu.ecc.aggregate_uncorrected), sram_threshold_exceeded: 'No' },
          },
          remapped_rows: {
            remapped_row_corr: 0,
            remapped_row_unc: gpu.ecc.remapped_rows,
            remapped_row_pending: gpu.ecc.remap_pending === true ? 'Yes' : 'No',
            remapped_row_failure: gpu.ecc.remap_failed === true ? 'Yes' : 'No',
          },
        }),
    temperature: {
      gpu_temp: `${gpu.temperature_celsius} C`,
      gpu_temp_tlimit: `${87 - gpu.temperature_celsius} C`,
      gpu_temp_max_threshold: 'N/A',
      gpu_temp_slow_threshold: 'N/A',
      memory_temp: `${gpu.temperature_celsius + 6} C`,
    },
    gpu_power_readings: {
      power_state: 'P0',
      power_draw: `${gpu.power_watts.toFixed(2)} W`,
      current_power_limit: `${gpu.power_limit_watts.toFixed(2)} W`,
      default_power_limit: '700.00 W',
      min_power_limit: '200.00 W',
      max_power_limit: '700.00 W',
    },
    clocks: {
      graphics_clock: `${gpu.sm_clock_mhz} MHz`,
      sm_clock: `${gpu.sm_clock_mhz} MHz`,
      mem_clock: `${gpu.memory_clock_mhz} MHz`,
      video_clock: '765 MHz',
    },
    max_clocks: { graphics_clock: '1980 MHz', sm_clock: '1980 MHz', mem_clock: '3201 MHz', video_clock: '1545 MHz' },
    processes: {
      process_info: processes
        .filter(({ isAlive }) => isAlive)
        .map(({ pid, mib }) => ({
          gpu_instance_id: 'N/A',
          compute_instance_id: 'N/A',
          pid,
          type: 'C',
          process_name: 'node',
          used_memory: `${mib} MiB`,
        })),
    },
  };
}
