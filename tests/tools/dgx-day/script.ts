/** What happens on a day: a list of events, the same one for the same seed. */
import { GPU_MODELS, type GpuModel } from '../../support/gpu-models.ts';

export type DayEvent =
  | { kind: 'load'; model: GpuModel; gpus: number[]; replicas: number; keepAlive: string | number | undefined }
  | { kind: 'keep_alive'; model: GpuModel; keepAlive: string | number }
  | { kind: 'requests'; model: GpuModel; count: number }
  | { kind: 'long requests'; model: GpuModel; count: number }
  | { kind: 'last request'; model: GpuModel }
  | { kind: 'unload'; model: GpuModel; force: boolean }
  | { kind: 'reload'; model: GpuModel }
  | { kind: 'GPU lost'; gpu: number }
  | { kind: 'driver fails' }
  | { kind: 'worker killed'; model: GpuModel }
  | { kind: 'worker hangs'; model: GpuModel }
  | { kind: 'out of memory'; model: GpuModel }
  | { kind: 'residue'; model: GpuModel };

export type EventKind = DayEvent['kind'];

/** How often each comes, beside the others. */
const WEIGHTS: Record<EventKind, number> = {
  load: 25,
  keep_alive: 5,
  requests: 30,
  'long requests': 10,
  'last request': 4,
  unload: 10,
  reload: 3,
  'GPU lost': 3,
  'driver fails': 2,
  'worker killed': 7,
  'worker hangs': 2,
  'out of memory': 4,
  residue: 3,
};
export const KINDS = Object.keys(WEIGHTS) as EventKind[];
const GPUS = 8;

/** Every kind is among them if there are enough. */
export function scriptOf(count: number, random: () => number): DayEvent[] {
  const loads: EventKind[] = ['load', 'load', 'requests'];
  const once = shuffle(KINDS, random);
  const rest = Array.from({ length: Math.max(0, count) }, () => weighted(random));
  const [first, others] = [loads, [...once, ...rest].slice(0, Math.max(0, count - loads.length))];
  return [...first, ...shuffle(others, random)].slice(0, count).map((kind) => eventOf(kind, random));
}

function eventOf(kind: EventKind, random: () => number): DayEvent {
  const pick = <T>(items: readonly [T, ...T[]]): T => items[Math.floor(random() * items.length)] ?? items[0];
  const model = pick(GPU_MODELS);
  if (kind === 'load') {
    const gpus = shuffle([...Array(GPUS).keys()], random).slice(0, pick([1, 1, 2, 3]));
    return { kind, model, gpus, replicas: pick([1, 1, 2]), keepAlive: pick([undefined, undefined, '30m', '3s', -1]) };
  }
  if (kind === 'keep_alive') return { kind, model, keepAlive: pick(['1s', '10m', -1]) };
  if (kind === 'requests') return { kind, model, count: pick([1, 3, 12]) };
  if (kind === 'long requests') return { kind, model, count: pick([1, 2, 6]) };
  if (kind === 'unload') return { kind, model, force: random() < 0.3 };
  if (kind === 'GPU lost') return { kind, gpu: Math.floor(random() * GPUS) };
  return kind === 'driver fails' ? { kind } : { kind, model };
}

function weighted(random: () => number): EventKind {
  let left = random() * KINDS.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
  for (const kind of KINDS) {
    left -= WEIGHTS[kind];
    if (left < 0) return kind;
  }
  return 'requests';
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
