/** The requests of one model on their way to a replica: who waits, who has a place, and how long it will take. */
import type { GatewayError } from '../errors.ts';
import type { Task } from '../models/define-model.ts';
import { FairQueue, type QueueEntry, type Throughput } from './fair-queue.ts';
import type { RegistryRequest } from './registry-request.ts';
import type { Replica } from './replica.ts';

export interface Waiting {
  readonly entry: QueueEntry<Waiting>;
  /** Resolves when a replica has a place for it. */
  readonly granted: Promise<Replica>;
}

interface Pending extends Waiting {
  entry: QueueEntry<Waiting>;
  grant(replica: Replica): void;
  refuse(error: unknown): void;
}

export interface TurnsOptions {
  model: string;
  /** Requests that one replica works on at a time. */
  concurrency: number;
  maxQueuePerReplica: number;
  replicas(): readonly Replica[];
  onChange(): void;
}

/** A request's usual audio, until one has ended: what its usual time is divided by. */
const USUAL_SECONDS = 30;
/** Of a new value in a running mean. */
const WEIGHT = 0.1;

export class Turns {
  readonly #options: TurnsOptions;
  readonly #queue: FairQueue<Pending>;
  readonly #waiting = new Set<Pending>();
  #meanRunMs = 1_000;
  /** Seconds of work for a second of audio. */
  #realTimeFactor: number | undefined;

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#queue = new FairQueue(options.model);
  }

  get queued(): number {
    return this.#queue.waiting;
  }

  /** A retry is let in before others, and has its replica to itself. @throws server_is_overloaded, client_closed_request */
  enter(request: RegistryRequest<Task>, isRetry: boolean): Waiting {
    const { devices } = request;
    const turn = Promise.withResolvers<Replica>();
    // Who is removed before anybody waits for it has been told by `enter` or by its own signal.
    turn.promise.catch(() => {});
    // Known to the queue's callbacks before it is in the queue.
    const pending = { granted: turn.promise, grant: turn.resolve, refuse: turn.reject } as Pending;
    pending.entry = this.#queue.add(
      {
        payload: pending,
        tenant: request.tenant ?? 'anonymous',
        weight: 1,
        priority: request.priority ?? 0,
        audioSeconds: request.audioSeconds,
        alone: isRetry,
        ...(devices === undefined ? {} : { mayUse: (lane) => this.#runsOn(lane, devices) }),
        readmitted: isRetry,
        signal: request.signal,
        onRemoved: (error) => this.#leave(pending, error),
      },
      this.#limit(),
      this.#throughput(),
    );
    this.#waiting.add(pending);
    this.dispatch();
    return pending;
  }

  isWaiting(waiting: Waiting): boolean {
    return this.#waiting.has(waiting as Pending);
  }

  place(waiting: Waiting): { position: number; etaSeconds: number } {
    const entry = waiting.entry as QueueEntry<Pending>;
    return { position: this.#queue.position(entry), etaSeconds: this.#queue.etaSeconds(entry, this.#throughput()) };
  }

  refuse(waiting: Waiting, error: unknown): void {
    const pending = waiting as Pending;
    if (!this.#waiting.has(pending)) return;
    this.#queue.remove(pending.entry as QueueEntry<Pending>);
    this.#leave(pending, error);
  }

  refuseAll(error: unknown): void {
    for (const waiting of [...this.#waiting]) this.refuse(waiting, error);
  }

  /** Gives out what places the ready replicas have. */
  dispatch(): void {
    const serving = this.#options.replicas().filter(({ isServing }) => isServing);
    const grants = this.#queue.take(serving.map(({ id, capacity, free }) => ({ id, capacity, free })));
    for (const { entry, lane } of grants) {
      const replica = serving.find(({ id }) => id === lane);
      if (replica === undefined) continue;
      replica.claim(placesOf(entry, replica));
      this.#waiting.delete(entry.request.payload);
      entry.request.payload.grant(replica);
    }
    if (grants.length > 0) this.#options.onChange();
  }

  /** A granted request has ended. `done`: what was worked off; undefined: it failed; `lost`: with its worker. */
  end(
    waiting: Waiting,
    replica: Replica,
    done: { milliseconds: number; audioSeconds: number } | undefined,
    lost: boolean,
  ) {
    const entry = waiting.entry as QueueEntry<Pending>;
    replica.release(placesOf(entry, replica));
    if (done !== undefined) {
      this.#noteSpeed(done.milliseconds, done.audioSeconds);
      this.#queue.setAudioSeconds(entry, done.audioSeconds);
    }
    if (lost) this.#queue.finish(entry, 0);
    else this.#queue.finish(entry);
    this.dispatch();
  }

  #leave(pending: Pending, error: GatewayError | unknown): void {
    this.#waiting.delete(pending);
    pending.refuse(error);
    this.#options.onChange();
  }

  #limit(): number {
    const { concurrency, maxQueuePerReplica } = this.#options;
    const live = this.#live;
    const free = live.reduce((sum, replica) => sum + replica.free, 0);
    return (live.length === 0 ? concurrency : free) + maxQueuePerReplica * Math.max(1, live.length);
  }

  get #live(): Replica[] {
    return this.#options.replicas().filter(({ isLive }) => isLive);
  }

  #runsOn(lane: string, devices: readonly string[]): boolean {
    const replica = this.#options.replicas().find(({ id }) => id === lane);
    return replica !== undefined && devices.includes(replica.device.id);
  }

  #throughput(): Throughput {
    const slots = Math.max(1, this.#live.length) * this.#options.concurrency;
    const running = this.#options.replicas().reduce((sum, { capacity, free }) => sum + capacity - free, 0);
    const realTimeFactor = this.#realTimeFactor ?? this.#meanRunMs / 1000 / USUAL_SECONDS;
    // Those that run are half done, on average.
    const runningAudioSeconds = (running * this.#meanRunMs) / 1000 / realTimeFactor / 2;
    return { runningAudioSeconds, realTimeFactor, slots };
  }

  #noteSpeed(milliseconds: number, audioSeconds: number): void {
    this.#meanRunMs = mean(this.#meanRunMs, milliseconds);
    if (!(audioSeconds > 0)) return;
    const factor = milliseconds / 1000 / audioSeconds;
    this.#realTimeFactor = this.#realTimeFactor === undefined ? factor : mean(this.#realTimeFactor, factor);
  }
}

function mean(before: number, value: number): number {
  return (1 - WEIGHT) * before + WEIGHT * value;
}

function placesOf({ request }: QueueEntry<unknown>, { capacity }: Replica): number {
  return request.alone ? capacity : 1;
}
