/** GPUs as their driver tells of them: now, over the last hour, and one in full. null: the driver does not tell. */
import { z } from 'zod';

const bytes = z.int().nullable();
const percent = z.number().nullable();
const celsius = z.number().nullable();
const watts = z.number().nullable();
const mhz = z.number().nullable();
const count = z.int().nullable();
const text = z.string().nullable();
const flag = z.boolean().nullable();
const unixSeconds = z.number().meta({ description: 'Unix seconds, with a fraction' });

export const gpuMonitorState = z
  .enum(['available', 'unavailable', 'failing'])
  .meta({ description: '`unavailable`: no driver or no GPU here; `failing`: nvidia-smi did not answer as it should' });
export type GpuMonitorState = z.infer<typeof gpuMonitorState>;

export const gpuProcess = z.object({
  pid: z.int().meta({ description: 'As the driver counts: of the host, where the gateway runs in a container' }),
  memory_used_bytes: bytes,
});
export type GpuProcess = z.infer<typeof gpuProcess>;

const recoveryAction = text.meta({
  description:
    'What the driver asks for after a fault, in its words: `None`, `Reset`, `Reboot`, `Drain P2P`, `Drain and Reset`',
});

export const gpu = z
  .object({
    index: z.int().meta({ description: 'May change when the machine restarts; the UUID does not' }),
    uuid: z.string(),
    name: z.string(),
    state: z.enum(['ok', 'lost']).meta({ description: '`lost`: it was there and the driver has it no more' }),
    reason: text.meta({ description: 'Why it is lost' }),
    pci_bus_id: text,
    compute_capability: text,
    mig_enabled: flag,
    memory_total_bytes: bytes,
    memory_used_bytes: bytes,
    memory_free_bytes: bytes.meta({ description: 'Less than total - used: the driver keeps some for itself' }),
    utilization_percent: percent.meta({ description: 'Share of the time in which any kernel ran; not capacity' }),
    memory_utilization_percent: percent,
    temperature_celsius: celsius,
    power_watts: watts,
    power_limit_watts: watts,
    sm_clock_mhz: mhz,
    memory_clock_mhz: mhz,
    slowdown_reasons: z
      .array(z.string())
      .nullable()
      .meta({ description: 'What holds its clocks down; idling does not count' }),
    ecc_uncorrected_errors: count.meta({ description: 'Since the driver was loaded' }),
    row_remap_pending: flag.meta({ description: 'A faulty row of its memory is replaced at its next reset' }),
    row_remap_failed: flag.meta({ description: 'A faulty row could not be replaced: the card is to be exchanged' }),
    recovery_action: recoveryAction,
    processes: z.array(gpuProcess).nullable(),
  })
  .meta({ id: 'Gpu' });
export type Gpu = z.infer<typeof gpu>;

export const gpuList = z
  .object({
    object: z.literal('list'),
    state: gpuMonitorState,
    reason: text.meta({ description: 'Why it is not available' }),
    rev: z.int().meta({ description: 'Grows with every sample; a count of its own' }),
    driver_version: text,
    sampled_at: unixSeconds.nullable().meta({ description: 'When the driver was asked; null before its first answer' }),
    warnings: z.array(z.string()).meta({ description: 'What nvidia-smi said beside the figures' }),
    data: z.array(gpu).meta({ description: 'While failing: as they were at `sampled_at`' }),
  })
  .meta({ id: 'GpuList' });
export type GpuList = z.infer<typeof gpuList>;

const range = z.object({ min: z.number(), max: z.number() }).nullable();

export const HISTORY_SECONDS = 3_600;
const wholeSeconds = (max: number) => z.coerce.number<string>().int().min(1).max(max);
export const gpuHistoryQuery = z.object({
  window_seconds: wholeSeconds(HISTORY_SECONDS).optional().meta({ description: 'How far back; default 3600' }),
  step_seconds: wholeSeconds(600).optional().meta({ description: 'Span of a bucket; default 10' }),
});

/** 8 GPUs of so many are written in a few milliseconds, in which nobody else is served. */
const MAX_SPANS = 360;
export const gpuSeriesQuery = gpuHistoryQuery.refine(
  ({ window_seconds = HISTORY_SECONDS, step_seconds = 10 }) => window_seconds / step_seconds <= MAX_SPANS,
  { path: ['step_seconds'], message: `must divide the window into ${MAX_SPANS} spans at most` },
);

export const gpuHistory = z
  .object({
    object: z.literal('gpu.history'),
    index: z.int(),
    uuid: z.string(),
    window_seconds: z.int(),
    step_seconds: z.int(),
    data: z
      .array(
        z.object({
          at: z.int().meta({ description: 'Unix seconds the bucket begins at' }),
          memory_used_bytes: range,
          utilization_percent: range,
          temperature_celsius: range,
          power_watts: range,
        }),
      )
      .meta({ description: 'Oldest first; a span without a sample is left out' }),
  })
  .meta({ id: 'GpuHistory' });
export type GpuHistory = z.infer<typeof gpuHistory>;

const column = z.array(z.number().nullable());
const columns = z
  .object({ min: column, max: column, last: column })
  .meta({ id: 'GpuColumns', description: 'One value for each span; null: the driver did not tell, or was not asked' });

export const gpuSeries = z
  .object({
    object: z.literal('gpu.series'),
    from: z.int().meta({ description: 'Unix seconds the first span begins at' }),
    step_seconds: z.int(),
    count: z.int().meta({ description: 'Spans; the last one is not over' }),
    gpus: z.array(
      z.object({
        index: z.int(),
        uuid: z.string(),
        name: z.string(),
        memory_total_bytes: bytes,
        memory_used_bytes: columns,
        utilization_percent: columns,
        temperature_celsius: columns,
        power_watts: columns,
        held: z.array(z.object({ replica: z.string(), model: z.string(), bytes: column })).meta({
          description: 'Memory by replica at the end of each span, oldest replica first; null: it had no process',
        }),
      }),
    ),
    events: z
      .array(
        z.object({
          at: unixSeconds,
          type: z.enum(['loaded', 'unloaded', 'crashed', 'load_failed']),
          device: z.string().meta({ description: 'UUID' }),
          model: z.string(),
          replica: z.string(),
        }),
      )
      .meta({ description: 'Within the window, oldest first' }),
  })
  .meta({ id: 'GpuSeries' });
export type GpuSeries = z.infer<typeof gpuSeries>;

const eccErrors = z
  .object({
    sram_correctable: count,
    sram_uncorrectable: count,
    dram_correctable: count,
    dram_uncorrectable: count,
  })
  .nullable();

export const gpuDetail = z
  .object({
    object: z.literal('gpu'),
    index: z.int(),
    uuid: z.string(),
    name: z.string(),
    architecture: text,
    driver_version: text,
    cuda_version: text.meta({ description: 'The newest that the driver can run' }),
    vbios_version: text,
    persistence_enabled: flag,
    compute_mode: text,
    performance_state: text,
    memory: z.object({
      total_bytes: bytes,
      reserved_bytes: bytes,
      used_bytes: bytes,
      free_bytes: bytes,
      bar1_total_bytes: bytes,
      bar1_used_bytes: bytes,
    }),
    utilization: z.object({
      gpu_percent: percent,
      memory_percent: percent,
      encoder_percent: percent,
      decoder_percent: percent,
    }),
    temperatures: z.object({
      gpu_celsius: celsius,
      memory_celsius: celsius,
      slowdown_celsius: celsius,
      shutdown_celsius: celsius,
    }),
    power: z.object({
      draw_watts: watts,
      limit_watts: watts,
      default_limit_watts: watts,
      max_limit_watts: watts,
    }),
    clocks: z.object({
      graphics_mhz: mhz,
      sm_mhz: mhz,
      memory_mhz: mhz,
      max_graphics_mhz: mhz,
      max_sm_mhz: mhz,
      max_memory_mhz: mhz,
    }),
    slowdown_reasons: z.array(z.string()).nullable(),
    recovery_action: recoveryAction,
    pcie: z.object({
      bus_id: text,
      generation: count,
      max_generation: count,
      width: count.meta({ description: 'Lanes' }),
      max_width: count,
      replays: count,
      transmit_bytes_per_second: count,
      receive_bytes_per_second: count,
    }),
    ecc: z.object({
      enabled: flag,
      since_driver_load: eccErrors,
      lifetime: eccErrors,
      remapped_rows: z.object({ correctable: count, uncorrectable: count, pending: flag, failed: flag }).nullable(),
    }),
    mig: z.object({
      enabled: flag,
      pending: flag.meta({ description: 'What it will be after the next reset' }),
      devices: z.array(
        z.object({
          index: count,
          gpu_instance_id: count,
          compute_instance_id: count,
          memory_total_bytes: bytes,
          memory_used_bytes: bytes,
        }),
      ),
    }),
    processes: z
      .array(
        z.object({
          pid: z.int(),
          name: text,
          type: text.meta({ description: '`C` compute, `G` graphics, `C+G`' }),
          memory_used_bytes: bytes,
          gpu_instance_id: count,
        }),
      )
      .nullable(),
  })
  .meta({ id: 'GpuDetail' });
export type GpuDetail = z.infer<typeof gpuDetail>;
