/** Gauges without a memory of their own: each scrape reads them from whoever owns the state. */
import { Gauge, type Registry } from 'prom-client';
import { abortable } from '../abortable.ts';
import type { AdminModel } from '../contract/admin.ts';

/** A GPU as far as it is shown; null: the driver does not tell. */
export interface GpuSample {
  index: number;
  uuid: string;
  name: string;
  state: 'ok' | 'lost';
  memory_used_bytes: number | null;
  memory_total_bytes: number | null;
  utilization_percent: number | null;
  temperature_celsius: number | null;
  power_watts: number | null;
}

export interface GpuSamples {
  /** Only `available` has figures of now. */
  state: 'available' | 'unavailable' | 'failing';
  data: readonly GpuSample[];
}

export interface GaugeSources {
  models(): readonly AdminModel[];
  gpus(): GpuSamples;
  /** What the registry counts a replica for when it makes room. */
  accounted(): readonly { model: string; device: string; replica: string; bytes: number }[];
  /** Bytes that unloaded workers have left behind on a device. */
  residue(): readonly { device: string; bytes: number }[];
  /** Of all gateways on the database. Rejects when it does not answer. */
  countUnfinishedJobs(): Promise<{ queued: number; running: number }>;
  /** Rejects when the database does not answer. */
  pingDatabase(): Promise<void>;
}

type Labels = Record<string, string | number>;
type Sample = readonly [labels: Labels, value: number];

const REPLICA_STATES = ['stopped', 'starting', 'ready', 'stopping', 'failed'] as const;
/** Prometheus gives up after 10 s unless told otherwise. */
const READ_TIMEOUT_MS = 2_000;

export function addGauges(registers: Registry[], sources: GaugeSources): void {
  /** @param read what cannot be read has no sample this time; the others have. */
  function gauge(name: string, help: string, labelNames: string[], read: () => Iterable<Sample> | Promise<Sample[]>) {
    new Gauge({
      name: `audio_gateway_${name}`,
      help,
      labelNames,
      registers,
      async collect() {
        const samples = await readSamples(read);
        this.reset();
        for (const [labels, value] of samples) this.set(labels, value);
      },
    });
  }

  const ofModels = (value: (model: AdminModel) => number) => () =>
    sources.models().map((model): Sample => [{ model: model.id }, value(model)]);
  gauge(
    'queued_requests',
    'Requests that wait for a replica of the model.',
    ['model'],
    ofModels(({ queued }) => queued),
  );
  gauge(
    'running_requests',
    "Requests in the model's workers.",
    ['model'],
    ofModels(({ replicas }) => sum(replicas.map(({ in_flight }) => in_flight))),
  );
  gauge('replicas', 'Replicas of the model on a device, by state.', ['model', 'device', 'state'], () =>
    sources.models().flatMap(replicaStates),
  );
  gauge(
    'replica_resident_bytes',
    'Memory of the worker after loading; only while it runs.',
    ['model', 'device', 'replica'],
    () => sources.models().flatMap(residentBytes),
  );
  gauge(
    'replica_accounted_bytes',
    'Memory of its device that the replica is counted for.',
    ['model', 'device', 'replica'],
    () => sources.accounted().map(({ bytes, ...labels }): Sample => [labels, bytes]),
  );
  const downloads = () => sources.models().filter(({ files }) => files.state === 'downloading');
  gauge('download_received_bytes', 'What a running download has on disk.', ['model'], () =>
    downloads().map(({ id, files }): Sample => [{ model: id }, files.bytes]),
  );
  gauge('download_size_bytes', 'What a running download will have on disk.', ['model'], () =>
    downloads().map(({ id, files }): Sample => [{ model: id }, files.total_bytes]),
  );
  gauge('device_residue_bytes', 'Memory not given back after an unload.', ['device'], () =>
    sources.residue().map(({ device, bytes }): Sample => [{ device }, bytes]),
  );
  gauge('jobs', 'Unfinished jobs, of all gateways on the database.', ['status'], async () => {
    const { queued, running } = await sources.countUnfinishedJobs();
    return [
      [{ status: 'queued' }, queued],
      [{ status: 'running' }, running],
    ];
  });
  gauge('database_up', 'Whether the database answers.', [], async () => {
    const isUp = await abortable(sources.pingDatabase(), AbortSignal.timeout(READ_TIMEOUT_MS)).then(
      () => 1,
      () => 0,
    );
    return [[{}, isUp]];
  });
  addGpuGauges(gauge, sources);
}

type AddGauge = (name: string, help: string, labelNames: string[], read: () => Iterable<Sample>) => void;

function addGpuGauges(gauge: AddGauge, { gpus }: GaugeSources): void {
  const labelNames = ['index', 'uuid'];
  gauge('gpu_monitor_up', 'Whether the driver tells of the GPUs; 0 without one.', [], () => [
    [{}, gpus().state === 'available' ? 1 : 0],
  ]);
  const present = () => (gpus().state === 'available' ? gpus().data : []);
  const ofGpus = (value: (gpu: GpuSample) => number | null) => () =>
    present().flatMap((gpu): Sample[] => {
      const { index, uuid } = gpu;
      const figure = value(gpu);
      return figure === null ? [] : [[{ index, uuid }, figure]];
    });
  gauge('gpu_info', 'Always 1; the name is a label.', [...labelNames, 'name'], () =>
    present().map(({ index, uuid, name }): Sample => [{ index, uuid, name }, 1]),
  );
  gauge(
    'gpu_up',
    '0: it was there and the driver has it no more.',
    labelNames,
    ofGpus(({ state }) => (state === 'ok' ? 1 : 0)),
  );
  gauge(
    'gpu_memory_used_bytes',
    'Of all programs, as the driver counts.',
    labelNames,
    ofGpus(({ memory_used_bytes }) => memory_used_bytes),
  );
  gauge(
    'gpu_memory_total_bytes',
    'As the driver counts.',
    labelNames,
    ofGpus(({ memory_total_bytes }) => memory_total_bytes),
  );
  gauge(
    'gpu_utilization_ratio',
    'Share of the time in which any kernel ran; not capacity.',
    labelNames,
    ofGpus(({ utilization_percent }) => (utilization_percent === null ? null : utilization_percent / 100)),
  );
  gauge(
    'gpu_temperature_celsius',
    'Of the chip.',
    labelNames,
    ofGpus(({ temperature_celsius }) => temperature_celsius),
  );
  gauge(
    'gpu_power_watts',
    'Drawn now.',
    labelNames,
    ofGpus(({ power_watts }) => power_watts),
  );
}

async function readSamples(read: () => Iterable<Sample> | Promise<Sample[]>): Promise<Iterable<Sample>> {
  try {
    return await abortable(Promise.resolve(read()), AbortSignal.timeout(READ_TIMEOUT_MS));
  } catch {
    // `database_up` and `gpu_monitor_up` say why.
    return [];
  }
}

function replicaStates({ id: model, replicas }: AdminModel): Sample[] {
  const devices = new Set(replicas.map(({ device }) => device));
  return [...devices].flatMap((device) =>
    REPLICA_STATES.map((state): Sample => {
      const count = replicas.filter((replica) => replica.device === device && replica.state === state).length;
      return [{ model, device, state }, count];
    }),
  );
}

function residentBytes({ id: model, replicas }: AdminModel): Sample[] {
  return replicas.flatMap(({ id: replica, device, resident_bytes: bytes }): Sample[] =>
    bytes === null ? [] : [[{ model, device, replica }, bytes]],
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
