/** The last hour of requests in ten-second spans, and the last failures: memory that does not grow, whatever comes. */
import {
  type Failure,
  TRAFFIC_SPANS,
  TRAFFIC_STEP_SECONDS,
  type Traffic as TrafficAnswer,
} from '../contract/overview.ts';
import type { EndedRequest } from './metrics.ts';

export interface ServedRequest extends EndedRequest {
  id: string;
  /** Id of the model that was asked for, where that is known. */
  model: string | undefined;
}

const MAX_FAILURES = 20;
const NOW_SPANS = 6;
/** Latencies are counted in classes, each 15 % wider than the one before: 5 ms … 30 min. */
const FIRST_SECONDS = 0.005;
const GROWTH = 1.15;
const CLASSES = 93;
/** Of each span: counts, the most that waited and what waited last, then the classes. */
const REQUESTS = 0;
const ERRORS = 1;
const QUEUE = 2;
const QUEUE_LAST = 3;
const WIDTH = 4 + CLASSES;

export class Traffic {
  /** [TRAFFIC_SPANS × WIDTH], 280 KB */
  readonly #counts = new Float64Array(TRAFFIC_SPANS * WIDTH);
  /** Number of the span since 1970 that each row is of. */
  readonly #rows = new Float64Array(TRAFFIC_SPANS).fill(-1);
  readonly #startedAt: number;
  readonly #queued = new Map<string, number>();
  readonly #now: () => number;
  #queue = 0;
  #failures: Failure[] = [];

  /** @param now Unix seconds */
  constructor(now: () => number = () => Date.now() / 1000) {
    this.#now = now;
    this.#startedAt = now();
  }

  requestEnded({ id, model, route, status, seconds, error }: ServedRequest): void {
    if (route === undefined || !route.startsWith('/v1/') || route.endsWith('/events')) return;
    const row = this.#row();
    const isError = status >= 500;
    this.#counts[row + REQUESTS] = (this.#counts[row + REQUESTS] ?? 0) + 1;
    if (isError) this.#counts[row + ERRORS] = (this.#counts[row + ERRORS] ?? 0) + 1;
    const column = row + WIDTH - CLASSES + classOf(seconds);
    this.#counts[column] = (this.#counts[column] ?? 0) + 1;
    if (!isError) return;
    const code = error ?? 'internal_error';
    this.#fail({ kind: 'request', id, at: this.#now(), code, model: model ?? null, route, status });
  }

  /** @param id public */
  jobFailed(id: string, model: string, code: string): void {
    this.#fail({ kind: 'job', id, at: this.#now(), code, model, route: null, status: null });
  }

  /** To be told of every change of a model. */
  modelChanged({ id, queued }: { id: string; queued: number }): void {
    const before = this.#queued.get(id) ?? 0;
    if (before === queued) return;
    this.#queued.set(id, queued);
    this.#queue += queued - before;
    const row = this.#row();
    this.#counts[row + QUEUE] = Math.max(this.#counts[row + QUEUE] ?? 0, this.#queue);
    this.#counts[row + QUEUE_LAST] = this.#queue;
  }

  /** The last ones, newest first. */
  get failures(): Failure[] {
    return this.#failures.toReversed();
  }

  read(): TrafficAnswer {
    // The span that is not over is there, too.
    this.#row();
    const last = this.#span();
    const first = last - TRAFFIC_SPANS + 1;
    // A span in which nothing happened has no row.
    const rows = Array.from({ length: TRAFFIC_SPANS }, (_, index) => this.#find(first + index));
    const perSecond = (row: number) => (this.#counts[row] ?? 0) / TRAFFIC_STEP_SECONDS;
    const column = (value: (row: number | undefined) => number | null) =>
      rows.map((row, index) => (this.#isBeforeStart(first + index) ? null : value(row)));
    const lately = rows.slice(-NOW_SPANS).filter((row) => row !== undefined);
    const requests = lately.reduce((sum, row) => sum + (this.#counts[row] ?? 0), 0);
    const errors = lately.reduce((sum, row) => sum + (this.#counts[row + ERRORS] ?? 0), 0);
    const elapsed = Math.min(
      this.#now() - (last - NOW_SPANS + 1) * TRAFFIC_STEP_SECONDS,
      Math.max(1, this.#now() - this.#startedAt),
    );
    return {
      now: {
        requests_per_second: round(requests / elapsed),
        p50_seconds: this.#quantile(lately, 0.5),
        p95_seconds: this.#quantile(lately, 0.95),
        error_rate: requests === 0 ? null : round(errors / requests),
        queue: this.#queue,
      },
      from: first * TRAFFIC_STEP_SECONDS,
      step_seconds: TRAFFIC_STEP_SECONDS,
      requests_per_second: column((row) => (row === undefined ? 0 : perSecond(row))),
      error_rate: column((row) => {
        const count = row === undefined ? 0 : (this.#counts[row] ?? 0);
        return row === undefined || count === 0 ? null : round((this.#counts[row + ERRORS] ?? 0) / count);
      }),
      p50_seconds: column((row) => (row === undefined ? null : this.#quantile([row], 0.5))),
      p95_seconds: column((row) => (row === undefined ? null : this.#quantile([row], 0.95))),
      // Of a span in which nothing changed, what had waited before it.
      queue: this.#queues(first, rows),
    };
  }

  #queues(first: number, rows: readonly (number | undefined)[]): (number | null)[] {
    let waiting = 0;
    return rows.map((row, index) => {
      if (this.#isBeforeStart(first + index)) return null;
      const most = row === undefined ? waiting : Math.max(waiting, this.#counts[row + QUEUE] ?? 0);
      if (row !== undefined) waiting = this.#counts[row + QUEUE_LAST] ?? 0;
      return most;
    });
  }

  #fail(failure: Failure): void {
    this.#failures.push(failure);
    if (this.#failures.length > MAX_FAILURES) this.#failures.shift();
  }

  #isBeforeStart(span: number): boolean {
    return (span + 1) * TRAFFIC_STEP_SECONDS <= this.#startedAt;
  }

  #span(): number {
    return Math.floor(this.#now() / TRAFFIC_STEP_SECONDS);
  }

  /** Where the counts of the present span begin; emptied of an hour ago. */
  #row(): number {
    const span = this.#span();
    const index = span % TRAFFIC_SPANS;
    const row = index * WIDTH;
    if (this.#rows[index] !== span) {
      this.#rows[index] = span;
      this.#counts.fill(0, row, row + WIDTH);
      this.#counts[row + QUEUE] = this.#queue;
      this.#counts[row + QUEUE_LAST] = this.#queue;
    }
    return row;
  }

  #find(span: number): number | undefined {
    const index = span % TRAFFIC_SPANS;
    return this.#rows[index] === span ? index * WIDTH : undefined;
  }

  #quantile(rows: readonly number[], share: number): number | null {
    const total = rows.reduce((sum, row) => sum + (this.#counts[row] ?? 0), 0);
    if (total === 0) return null;
    let left = share * total;
    for (let index = 0; index < CLASSES; index += 1) {
      for (const row of rows) left -= this.#counts[row + WIDTH - CLASSES + index] ?? 0;
      if (left <= 0) return round(FIRST_SECONDS * GROWTH ** (index - 0.5));
    }
    return round(FIRST_SECONDS * GROWTH ** CLASSES);
  }
}

/** Class 0 holds all up to the first bound, the last one all above. */
function classOf(seconds: number): number {
  const index = Math.ceil(Math.log(seconds / FIRST_SECONDS) / Math.log(GROWTH));
  return Math.min(CLASSES - 1, Math.max(0, index));
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
