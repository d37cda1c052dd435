/** The requests that wait for the replicas of one model, and whose turn is next. No timers: it is told what happens. */
import { GatewayError } from '../errors.ts';
import { FairShare, type ShareEntry } from './fair-share.ts';
import { type Lane, Lanes, type LaneWish } from './lanes.ts';

export interface QueueRequest<T> extends LaneWish {
  /** The caller's own: what is to be run. */
  payload: T;
  /** Id of the API key. */
  tenant: string;
  /** Audio seconds of one tenant beside another's; 1 unless the operator says otherwise. */
  weight: number;
  /** Higher ones first. */
  priority: number;
  /** Undefined until the file has been probed. */
  audioSeconds: number | undefined;
  /** It had its turn and its worker died: no limit holds, nobody takes its place, and its tenant's others wait for it. */
  readmitted: boolean;
  signal: AbortSignal;
  /** It has left the queue unserved: client_closed_request, or server_is_overloaded when it had to make room. */
  onRemoved(error: GatewayError): void;
}

/** Written by the queue alone. */
export interface QueueEntry<T> extends ShareEntry {
  readonly request: QueueRequest<T>;
  /** `due`: its turn has come, and a replica is emptied for it. */
  state: 'waiting' | 'due' | 'running' | 'gone';
  readonly onAbort: () => void;
}

/** What is known of the model's speed. */
export interface Throughput {
  /** Left to do of the requests that run. */
  runningAudioSeconds: number;
  /** Processing seconds per audio second of one request. */
  realTimeFactor: number;
  /** Requests that run at a time, on all replicas. */
  slots: number;
}

export interface Grant<T> {
  entry: QueueEntry<T>;
  /** Id of the replica. */
  lane: string;
}

/** What a request counts for until its duration is known, and the least that one counts for. */
const UNKNOWN_SECONDS = 30;
const LEAST_SECONDS = 1;
/** Times a priority is passed over until it stands as high as the next one. */
const PASSES_PER_PRIORITY = 5;
const MAX_RETRY_AFTER_SECONDS = 60;

interface Level<T> {
  priority: number;
  share: FairShare<QueueEntry<T>>;
  /** Turns given to other priorities since its own last one, or since something waits in it. */
  passes: number;
}

/**
 * Highest priority first; inside a priority, fair shares of audio time for the tenants (`FairShare`); inside a tenant,
 * in order of arrival. A priority that is passed over rises by one with every `PASSES_PER_PRIORITY` turns given to
 * others, until it has a turn: of two priorities d apart, the lower one has one turn in 5·d + 1, however busy the higher
 * one is. By turns and not by the clock, so that it means the same on a quick model and a slow one.
 *
 * One that must be alone keeps its turn once that has come: a replica is emptied for it and takes nobody before it.
 */
export class FairQueue<T> {
  /** As error messages name it. */
  readonly #model: string;
  readonly #levels = new Map<number, Level<T>>();
  /** In the order their turns came. */
  #due: QueueEntry<T>[] = [];
  #draining: string | undefined;
  #sequence = 0;

  constructor(model: string) {
    this.#model = model;
  }

  get waiting(): number {
    return this.#due.length + [...this.#levels.values()].reduce((sum, { share }) => sum + share.waiting, 0);
  }

  /**
   * `limit`: as many may wait, those included that the next `take` finds a place for. In a full queue a newcomer takes
   * the place of the last to come of a lower priority, or of the tenant with most waiting in its own, if that has at
   * least two more than the newcomer's: one tenant cannot keep the others out.
   * @throws server_is_overloaded when it may take nobody's place; client_closed_request.
   */
  add(request: QueueRequest<T>, limit: number, throughput: Throughput): QueueEntry<T> {
    const { tenant, weight, priority, signal } = request;
    if (signal.aborted) throw abandoned();
    if (!request.readmitted && this.waiting >= limit) this.#makeRoom(request, throughput);
    const entry: QueueEntry<T> = {
      request,
      tenant,
      weight,
      sequence: this.#sequence++,
      cost: costOf(request.audioSeconds),
      charged: 0,
      state: 'waiting',
      onAbort: () => this.#drop(entry, abandoned()),
    };
    signal.addEventListener('abort', entry.onAbort, { once: true });
    const level = this.#level(priority);
    if (level.share.waiting === 0) level.passes = 0;
    level.share.add(entry, request.readmitted);
    return entry;
  }

  /** Gives out the free places of the ready replicas, all of which must be listed. Each grant must be `finish`ed. */
  take(ready: readonly Lane[]): Grant<T>[] {
    const lanes = new Lanes(ready, this.#draining);
    const grants: Grant<T>[] = [];
    const place = (entry: QueueEntry<T>) => {
      const lane = lanes.assign(entry.request);
      if (lane === undefined) return false;
      this.#stopWaiting(entry, 'running');
      grants.push({ entry, lane });
      return true;
    };
    this.#due = this.#due.filter((entry) => !place(entry));
    while (lanes.hasRoom) {
      const entry = this.#beginNext(lanes);
      if (entry === undefined) break;
      if (place(entry)) continue;
      entry.state = 'due';
      this.#due.push(entry);
    }
    this.#draining = lanes.draining;
    return grants;
  }

  /** The duration, once known: before its turn or after. */
  setAudioSeconds(entry: QueueEntry<T>, seconds: number): void {
    entry.cost = costOf(seconds);
    if (entry.state === 'due' || entry.state === 'running') this.#levelOf(entry).share.charge(entry, entry.cost);
  }

  /** A granted entry has ended. `audioSeconds`: what was done for it, 0 where nothing was; its duration if left out. */
  finish(entry: QueueEntry<T>, audioSeconds: number = entry.cost): void {
    if (entry.state !== 'running') return;
    entry.state = 'gone';
    this.#end(entry, audioSeconds);
  }

  /** Takes out one that waits; its `onRemoved` is not called. @returns false when it does not wait. */
  remove(entry: QueueEntry<T>): boolean {
    const { state } = entry;
    if (state !== 'waiting' && state !== 'due') return false;
    this.#stopWaiting(entry, 'gone');
    if (state === 'due') {
      this.#due = this.#due.filter((other) => other !== entry);
      this.#end(entry, 0);
    } else {
      this.#levelOf(entry).share.remove(entry);
      this.#forgetIfIdle(entry);
    }
    return true;
  }

  /** 1 = next; 0 = it does not wait. Lower priorities that rise past it are not foreseen. */
  position(entry: QueueEntry<T>): number {
    const ahead = this.#ahead(entry);
    return ahead === undefined ? 0 : ahead.length + 1;
  }

  /** Seconds until its turn, as far as can be told; 0 = it does not wait. */
  etaSeconds(entry: QueueEntry<T>, throughput: Throughput): number {
    const ahead = this.#ahead(entry);
    return ahead === undefined ? 0 : secondsFor(ahead, throughput);
  }

  #level(priority: number): Level<T> {
    const known = this.#levels.get(priority);
    if (known !== undefined) return known;
    const level = { priority, share: new FairShare<QueueEntry<T>>(), passes: 0 };
    this.#levels.set(priority, level);
    return level;
  }

  #levelOf({ request }: QueueEntry<T>): Level<T> {
    return this.#level(request.priority);
  }

  /** The turn passes to the highest standing priority that has an entry for these replicas. */
  #beginNext(lanes: Lanes): QueueEntry<T> | undefined {
    const levels = [...this.#levels.values()].filter(({ share }) => share.waiting > 0).sort(compareStanding);
    for (const level of levels) {
      const entry = level.share.next(({ request }) => lanes.admits(request));
      if (entry === undefined) continue;
      level.share.begin(entry);
      for (const other of levels) other.passes = other === level ? 0 : other.passes + 1;
      return entry;
    }
    return undefined;
  }

  #stopWaiting(entry: QueueEntry<T>, state: 'running' | 'gone'): void {
    entry.request.signal.removeEventListener('abort', entry.onAbort);
    entry.state = state;
  }

  #end(entry: QueueEntry<T>, audioSeconds: number): void {
    this.#levelOf(entry).share.end(entry, audioSeconds);
    this.#forgetIfIdle(entry);
  }

  #forgetIfIdle(entry: QueueEntry<T>): void {
    if (this.#levelOf(entry).share.isIdle) this.#levels.delete(entry.request.priority);
  }

  #drop(entry: QueueEntry<T>, error: GatewayError): void {
    if (this.remove(entry)) entry.request.onRemoved(error);
  }

  #makeRoom(request: QueueRequest<T>, throughput: Throughput): void {
    const overloaded = this.#overloaded(throughput);
    const victim = this.#findWhoMakesRoom(request);
    if (victim === undefined) throw overloaded;
    this.#drop(victim, overloaded);
  }

  #findWhoMakesRoom({ tenant, priority }: QueueRequest<T>): QueueEntry<T> | undefined {
    const levels = [...this.#levels.values()].filter((level) => level.priority <= priority);
    for (const level of levels.sort((a, b) => a.priority - b.priority)) {
      const line = level.share.longestLine();
      if (level.priority === priority && line.length < level.share.waitingOf(tenant) + 2) continue;
      const victim = line.find((entry) => !entry.request.readmitted);
      if (victim !== undefined) return victim;
    }
    return undefined;
  }

  #overloaded(throughput: Throughput): GatewayError {
    const seconds = secondsFor(this.#order(), throughput);
    return new GatewayError('server_is_overloaded', {
      message: `The model '${this.#model}' has ${this.waiting} requests waiting, which is its limit. Try again shortly.`,
      retryAfterSeconds: Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, Math.ceil(seconds))),
    });
  }

  #ahead(entry: QueueEntry<T>): QueueEntry<T>[] | undefined {
    const order = this.#order();
    const index = order.indexOf(entry);
    return index === -1 ? undefined : order.slice(0, index);
  }

  #order(): QueueEntry<T>[] {
    const levels = [...this.#levels.values()].sort((a, b) => b.priority - a.priority);
    return [...this.#due, ...levels.flatMap(({ share }) => share.order())];
  }
}

/** Highest first; of two equal ones the one that has been passed over more. */
function compareStanding<T>(a: Level<T>, b: Level<T>): number {
  return standingOf(b) - standingOf(a) || b.passes - a.passes;
}

function standingOf<T>({ priority, passes }: Level<T>): number {
  return priority + passes / PASSES_PER_PRIORITY;
}

function costOf(audioSeconds: number | undefined): number {
  return Math.max(LEAST_SECONDS, audioSeconds ?? UNKNOWN_SECONDS);
}

function secondsFor(entries: readonly ShareEntry[], throughput: Throughput): number {
  const audio = entries.reduce((sum, { cost }) => sum + cost, throughput.runningAudioSeconds);
  return (audio * throughput.realTimeFactor) / Math.max(1, throughput.slots);
}

function abandoned(): GatewayError {
  return new GatewayError('client_closed_request', { message: 'The client closed the connection.' });
}
