/** An hour of samples of GPUs that load and unload models, told as the gateway tells its own. */
import { type Gpu, type GpuSeries, HISTORY_SECONDS } from '../../../backend/src/contract/gpus.ts';
import { HistoryRing, spansUntil } from '../../../backend/src/gpu/gpu-history.ts';
import { gpuSeries, ReplicaTimeline } from '../../../backend/src/gpu/replica-timeline.ts';
import { adminReplica } from '../../support/admin-model.ts';

const STEP_SECONDS = 10;
/** Each GPU gets another model so often; its neighbour that much of it later. */
const STAY_SECONDS = 900;
const GIB = 2 ** 30;

/** @returns what tells the hour that ends now; it goes on by a sample a second. */
export function makeHour(gpus: readonly Gpu[]): () => GpuSeries {
  const rings = gpus.map((gpu) => ({ gpu, ring: new HistoryRing() }));
  const timeline = new ReplicaTimeline();
  let at = Date.now() / 1000 - HISTORY_SECONDS;
  const sample = () => {
    for (const { gpu, ring } of rings) ring.add(at, sampleOf(gpu, at));
    const models = modelsOf(gpus, at);
    for (const model of models) timeline.noteModel(model, at);
    timeline.noteHeld(models, at);
  };
  return () => {
    const now = Date.now() / 1000;
    for (; at <= now; at += 1) sample();
    const spans = spansUntil(now, HISTORY_SECONDS, STEP_SECONDS);
    const columns = rings.map(({ gpu: { index, uuid, name, memory_total_bytes }, ring }) => {
      return { index, uuid, name, memory_total_bytes, ...ring.columns(spans) };
    });
    return gpuSeries(columns, timeline, spans);
  };
}

/** Two kinds of model by turns, two replicas of each. */
function stayOf(index: number, at: number): number {
  return Math.floor((at + (index * STAY_SECONDS) / 8) / STAY_SECONDS);
}

function modelsOf(gpus: readonly Gpu[], at: number) {
  return ['whisper-large-v3', 'whisper-large-v3-turbo'].map((id, kind) => ({
    id,
    replicas: gpus.flatMap(({ index, uuid }) => {
      const isHere = stayOf(index, at) % 2 === kind;
      return [0, 1].map((replica) =>
        adminReplica({
          id: `${id}#${2 * index + replica}`,
          device: uuid,
          state: isHere ? 'ready' : 'stopped',
          pid: isHere ? 1_000 + stayOf(index, at) : null,
          resident_bytes: isHere ? (5 + replica + Math.sin(at / 7)) * GIB : null,
        }),
      );
    }),
  }));
}

function sampleOf(gpu: Gpu, at: number): Gpu {
  const wave = Math.sin(at / 40 + gpu.index) * Math.cos(at / 3);
  return {
    ...gpu,
    memory_used_bytes: Math.round((14 + 2 * Math.sin(at / 7)) * GIB),
    utilization_percent: Math.round(50 + 50 * wave),
    temperature_celsius: Math.round(60 + 10 * wave),
    power_watts: Math.round(400 + 250 * wave),
  };
}
