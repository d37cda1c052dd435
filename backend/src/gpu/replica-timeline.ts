/** Who held the GPUs' memory over the last hour, and when replicas came and went. */
import type { AdminModel } from '../contract/admin.ts';
import { type GpuSeries, HISTORY_SECONDS } from '../contract/gpus.ts';
import { ReplicaChanges } from '../observability/replica-changes.ts';
import type { Spans } from './gpu-history.ts';

type GpuEvent = GpuSeries['events'][number];

/** One life of a replica's process. */
interface Holding {
  device: string;
  replica: string;
  model: string;
  /** Unix seconds. */
  until: number;
  /** In order; what it holds stays until the next one. */
  points: { at: number; bytes: number }[];
}

const MARKED: ReadonlySet<string> = new Set(['loaded', 'unloaded', 'crashed', 'load_failed']);
const MAX_EVENTS = 1_000;
const MAX_HOLDINGS = 1_000;
/** A replica that changes all the time is drawn more coarsely. */
const MIN_STEP_SECONDS = 1;

export class ReplicaTimeline {
  readonly #changes = new ReplicaChanges();
  /** Those with a process. */
  readonly #living = new Map<string, Holding>();
  #holdings: Holding[] = [];
  #events: GpuEvent[] = [];

  /** To be told of every change of a model. @param at Unix seconds, here and below */
  noteModel(model: Pick<AdminModel, 'id' | 'replicas'>, at: number): void {
    for (const { type, model: id, replica } of this.#changes.note(model)) {
      if (replica.device === 'cpu' || !isMarked(type)) continue;
      this.#events.push({ at, type, device: replica.device, model: id, replica: replica.id });
      if (this.#events.length > MAX_EVENTS) this.#events.shift();
    }
  }

  /** At every look at the GPUs. */
  noteHeld(models: readonly Pick<AdminModel, 'id' | 'replicas'>[], at: number): void {
    const now = new Set<string>();
    for (const { id: model, replicas } of models) {
      for (const { id: replica, device, pid, resident_bytes: bytes } of replicas) {
        if (device === 'cpu' || pid === null || bytes === null) continue;
        const life = `${replica} ${pid}`;
        now.add(life);
        this.#hold(life, { device, replica, model }, at, bytes);
      }
    }
    for (const life of this.#living.keys()) if (!now.has(life)) this.#living.delete(life);
    const since = at - HISTORY_SECONDS;
    const isRecent = ({ until }: Holding) => until >= since;
    if (!this.#holdings.every(isRecent)) this.#holdings = this.#holdings.filter(isRecent);
  }

  events(from: number): GpuEvent[] {
    return this.#events.filter(({ at }) => at >= from);
  }

  /** Of one GPU, within the spans. */
  held(device: string, { from, stepSeconds, count }: Spans): GpuSeries['gpus'][number]['held'] {
    return this.#holdings
      .filter((holding) => holding.device === device && holding.until >= from)
      .map(({ replica, model, points, until }) => {
        const bytes = new Array<number | null>(count).fill(null);
        let next = 0;
        for (let index = 0; index < count; index += 1) {
          const begin = from + index * stepSeconds;
          while (next < points.length && (points[next]?.at ?? 0) < begin + stepSeconds) next += 1;
          if (next > 0 && until >= begin) bytes[index] = points[next - 1]?.bytes ?? null;
        }
        return { replica, model, bytes };
      });
  }

  #hold(life: string, who: Pick<Holding, 'device' | 'replica' | 'model'>, at: number, bytes: number): void {
    let holding = this.#living.get(life);
    if (holding === undefined) {
      holding = { ...who, until: at, points: [] };
      this.#living.set(life, holding);
      this.#holdings.push(holding);
      if (this.#holdings.length > MAX_HOLDINGS) this.#holdings.shift();
    }
    holding.until = at;
    const last = holding.points.at(-1);
    if (last?.bytes === bytes) return;
    if (last !== undefined && at - last.at < MIN_STEP_SECONDS) last.bytes = bytes;
    else holding.points.push({ at, bytes });
    // The first one stands for all that is older than the window.
    while ((holding.points[1]?.at ?? at) < at - HISTORY_SECONDS) holding.points.shift();
  }
}

export function gpuSeries(
  gpus: readonly Omit<GpuSeries['gpus'][number], 'held'>[],
  timeline: ReplicaTimeline,
  spans: Spans,
): GpuSeries {
  return {
    object: 'gpu.series',
    from: spans.from,
    step_seconds: spans.stepSeconds,
    count: spans.count,
    gpus: gpus.map((gpu) => ({ ...gpu, held: timeline.held(gpu.uuid, spans) })),
    events: timeline.events(spans.from),
  };
}

function isMarked(type: string): type is GpuEvent['type'] {
  return MARKED.has(type);
}
