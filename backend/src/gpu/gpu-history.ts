/** The last hour of one GPU: one point a second at most, in memory that does not grow. */
import { type Gpu, type GpuHistory, type GpuSeries, HISTORY_SECONDS } from '../contract/gpus.ts';

const MEASURES = ['memory_used_bytes', 'utilization_percent', 'temperature_celsius', 'power_watts'] as const;
type Bucket = GpuHistory['data'][number];
type Columns = Pick<GpuSeries['gpus'][number], (typeof MEASURES)[number]>;

/** Equal spans of time, side by side. */
export interface Spans {
  /** Unix seconds the first one begins at. */
  from: number;
  stepSeconds: number;
  count: number;
}

/** Those that reach back `windowSeconds`, the one that `now` lies in the last. */
export function spansUntil(now: number, windowSeconds: number, stepSeconds: number): Spans {
  const count = Math.max(1, Math.ceil(windowSeconds / stepSeconds));
  return { from: (Math.floor(now / stepSeconds) - count + 1) * stepSeconds, stepSeconds, count };
}

/** Time, then the measures; NaN for what the driver did not tell. */
const WIDTH = 1 + MEASURES.length;
/** Samples on demand come between those of the loop. */
const MIN_STEP_SECONDS = 0.9;
const CAPACITY = Math.ceil(HISTORY_SECONDS / MIN_STEP_SECONDS);

export class HistoryRing {
  /** [CAPACITY × WIDTH], 160 KB */
  readonly #points = new Float64Array(CAPACITY * WIDTH);
  #next = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param at Unix seconds, later than those before; what follows another too closely is left out. */
  add(at: number, gpu: Gpu): void {
    const last = this.#points[((this.#next + CAPACITY - 1) % CAPACITY) * WIDTH] ?? 0;
    if (this.#length > 0 && at - last < MIN_STEP_SECONDS) return;
    this.#points.set([at, ...MEASURES.map((name) => gpu[name] ?? Number.NaN)], this.#next * WIDTH);
    this.#next = (this.#next + 1) % CAPACITY;
    this.#length = Math.min(CAPACITY, this.#length + 1);
  }

  /** Least and greatest of each span of `stepSeconds`, oldest first, back to `windowSeconds` before `now`. */
  buckets(now: number, windowSeconds: number, stepSeconds: number): Bucket[] {
    const buckets: Bucket[] = [];
    for (let age = this.#length; age > 0; age--) {
      const start = ((this.#next + CAPACITY - age) % CAPACITY) * WIDTH;
      const [at = 0, ...values] = this.#points.subarray(start, start + WIDTH);
      if (at <= now - windowSeconds || at > now) continue;
      const begin = Math.floor(at / stepSeconds) * stepSeconds;
      const last = buckets.at(-1);
      const bucket = last?.at === begin ? last : emptyBucket(begin);
      if (bucket !== last) buckets.push(bucket);
      for (const [index, name] of MEASURES.entries()) bucket[name] = widen(bucket[name], values[index] ?? Number.NaN);
    }
    return buckets;
  }

  /** Least, greatest and last of each span; null where it has no sample. */
  columns({ from, stepSeconds, count }: Spans): Columns {
    // [MEASURES × count] each: plain loops over plain numbers, for an hour of many GPUs is asked for at once.
    const empty = () => new Float64Array(MEASURES.length * count).fill(Number.NaN);
    const min = empty();
    const max = empty();
    const last = empty();
    for (let age = this.#length; age > 0; age--) {
      const start = ((this.#next + CAPACITY - age) % CAPACITY) * WIDTH;
      const index = Math.floor(((this.#points[start] ?? 0) - from) / stepSeconds);
      if (index < 0 || index >= count) continue;
      for (let measure = 0; measure < MEASURES.length; measure++) {
        const value = this.#points[start + 1 + measure] ?? Number.NaN;
        if (Number.isNaN(value)) continue;
        const at = measure * count + index;
        // Of NaN nothing is less or greater.
        if (!((min[at] ?? value) <= value)) min[at] = value;
        if (!((max[at] ?? value) >= value)) max[at] = value;
        last[at] = value;
      }
    }
    const columnsOf = (name: (typeof MEASURES)[number]) => {
      const begin = MEASURES.indexOf(name) * count;
      const column = (values: Float64Array) => Array.from(values.subarray(begin, begin + count), orNull);
      return { min: column(min), max: column(max), last: column(last) };
    };
    return {
      memory_used_bytes: columnsOf('memory_used_bytes'),
      utilization_percent: columnsOf('utilization_percent'),
      temperature_celsius: columnsOf('temperature_celsius'),
      power_watts: columnsOf('power_watts'),
    };
  }
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

function emptyBucket(at: number): Bucket {
  return { at, memory_used_bytes: null, utilization_percent: null, temperature_celsius: null, power_watts: null };
}

function widen(range: Bucket['power_watts'], value: number): Bucket['power_watts'] {
  if (Number.isNaN(value)) return range;
  return range === null
    ? { min: value, max: value }
    : { min: Math.min(range.min, value), max: Math.max(range.max, value) };
}
