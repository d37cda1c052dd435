/** What `GET /metrics` tells Prometheus: counters of what happens, and gauges that are read from their owners when it asks. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { AdminModel } from '../contract/admin.ts';
import type { ErrorCode } from '../errors.ts';
import { addGauges, type GaugeSources } from './gauges.ts';
import { WorkerEvents } from './worker-events.ts';

export interface MetricsOptions extends GaugeSources {
  version: string;
}

export interface EndedRequest {
  method: string;
  /** The route's template, never the path that was asked for; undefined where no route has it. */
  route: string | undefined;
  /** 499: the client left before the answer was complete. */
  status: number;
  seconds: number;
  error: ErrorCode | undefined;
}

/** A page of the dashboard takes milliseconds, an hour of audio minutes. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** Whatever else a client sends is one label. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const OTHER = 'other';

export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #durations: Histogram<'method' | 'route'>;
  readonly #inFlight: Gauge;
  readonly #errors: Counter<'code'>;
  readonly #uploaded: Counter;
  readonly #audioSeconds: Counter<'model' | 'task'>;
  readonly #jobs: Counter<'status'>;
  readonly #workers: WorkerEvents;

  constructor({ version, ...sources }: MetricsOptions) {
    const registers = [this.#registry];
    this.#requests = new Counter({
      name: 'audio_gateway_http_requests_total',
      help: 'Requests answered, by class of status; 4xx holds those whose client left (499).',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'audio_gateway_http_request_duration_seconds',
      help: 'From the request head to the end of the answer; event streams last as long as their client stays.',
      labelNames: ['method', 'route'],
      buckets: DURATION_BUCKETS,
      registers,
    });
    this.#inFlight = new Gauge({
      name: 'audio_gateway_http_requests_in_flight',
      help: 'Requests being received or answered.',
      registers,
    });
    this.#errors = new Counter({
      name: 'audio_gateway_errors_total',
      help: 'Requests answered with an error, by its code.',
      labelNames: ['code'],
      registers,
    });
    this.#uploaded = new Counter({
      name: 'audio_gateway_upload_bytes_total',
      help: 'Bytes of multipart requests received.',
      registers,
    });
    this.#audioSeconds = new Counter({
      name: 'audio_gateway_audio_seconds_total',
      help: 'Seconds of audio that a model has turned into a result; repeats of a stored result do not count.',
      labelNames: ['model', 'task'],
      registers,
    });
    this.#jobs = new Counter({
      name: 'audio_gateway_jobs_ended_total',
      help: 'Jobs that this gateway has ended.',
      labelNames: ['status'],
      registers,
    });
    for (const status of ['succeeded', 'failed', 'cancelled']) this.#jobs.inc({ status }, 0);
    this.#workers = new WorkerEvents(registers);
    new Gauge({
      name: 'audio_gateway_info',
      help: 'Always 1; the version is a label.',
      labelNames: ['version'],
      registers,
    }).set({ version }, 1);
    addGauges(registers, sources);
    // Under their usual names (`process_…`, `nodejs_…`), which dashboards of every Node program know.
    collectDefaultMetrics({ register: this.#registry });
  }

  requestBegan(): void {
    this.#inFlight.inc();
  }

  requestEnded({ method, route = OTHER, status, seconds, error }: EndedRequest): void {
    const verb = METHODS.has(method) ? method : OTHER;
    this.#inFlight.dec();
    this.#requests.inc({ method: verb, route, status: `${Math.floor(status / 100)}xx` });
    this.#durations.observe({ method: verb, route }, seconds);
    if (error !== undefined) this.#errors.inc({ code: error });
  }

  uploaded(bytes: number): void {
    this.#uploaded.inc(bytes);
  }

  /** @param model its id, not the alias it was called by */
  audioDone(model: string, task: string, seconds: number): void {
    this.#audioSeconds.inc({ model, task }, seconds);
  }

  jobEnded(status: string): void {
    this.#jobs.inc({ status });
  }

  /** To be told of every change of a model: that a worker died shows nowhere else. */
  modelChanged(model: Pick<AdminModel, 'id' | 'replicas'>): void {
    this.#workers.note(model);
  }

  /** Prometheus' text format, version 0.0.4. */
  async scrape(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
